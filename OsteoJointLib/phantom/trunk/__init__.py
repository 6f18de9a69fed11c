"""What surrounds the spine: ribs, organs, vessels, muscles, arms, and the table under it all."""
