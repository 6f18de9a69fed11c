"""Attack the project, and say what was found.

    python -m Testing.attack --inputs 20000 --whole 200 --lines 2000 --kills 200 --rounds 50 --seed 0 --out out/attack

Damaged and hostile inputs are read one by one, the whole chain reads some, a worker is sent hostile lines, batches are
killed at many moments, and two write into one folder at once. All follows from the seed. What was tried stands in
``attack.jsonl``, by which a run that was stopped goes on; the table is printed and written as ``attack.md`` and
``attack.json``. The command ends with 1 where anything is at fault.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from Testing.attack.inputs import attack_inputs
from Testing.attack.kills import attack_kills, attack_rounds
from Testing.attack.lines import attack_lines
from Testing.attack.records import Records, summary, table
from Testing.attack.whole import attack_whole, read_document


def build_parser() -> argparse.ArgumentParser:
    """Build it; what it prints says what each option does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20000, help="damaged files and folders, read one by one")
    parser.add_argument("--whole", type=int, default=200, help="phantoms read by the whole chain")
    parser.add_argument("--lines", type=int, default=2000, help="hostile lines to a worker")
    parser.add_argument("--kills", type=int, default=200, help="kills of a batch")
    parser.add_argument("--rounds", type=int, default=50, help="of two writers at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this one input alone, once more")
    parser.add_argument("--out", type=Path, default=Path("out/attack"))
    return parser


def main() -> int:
    """Run it; 1 where anything is at fault."""
    given = build_parser().parse_args()
    warnings.simplefilter("ignore")  # pydicom's, of what is made damaged on purpose
    records = Records(given.out / "attack.jsonl")
    if given.only is not None:
        attack_inputs([given.only], given.seed, given.out, records)
        return 0
    attack_lines(records.missing("lines", given.lines), given.seed, given.out, records)
    if given.kills or given.rounds:
        document = read_document(given.out)
        attack_kills(given.kills, given.seed, document, records)
        attack_rounds(given.rounds, document, records)
    attack_inputs(records.missing("inputs", given.inputs), given.seed, given.out, records)
    if given.whole:
        attack_whole(records.missing("whole", given.whole), given.seed, given.out, records)
    tried = records.read()
    said = table(tried)
    write_text_whole(given.out / "attack.md", said + "\n")
    write_text_whole(given.out / "attack.json", json.dumps(summary(tried), indent=2) + "\n")
    print(said)
    return 1 if any(one.faults for one in tried) else 0


if __name__ == "__main__":
    sys.exit(main())
