<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US" sourcelanguage="en_US">
    <context>
        <name>Batch</name>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Read:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>a folder of CTs</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>CTs in the scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Folder:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>DICOM folders, .nrrd, .nii.gz and .mha in any mix. Every case below it is read.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>CTs:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Check the CTs to be read.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>vtkMRMLScalarVolumeNode</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Results into:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>A new or empty folder, or an earlier batch's, whose rows stay. It gets batch.csv and a folder for each case.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Cases are called:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Names of folders, files and volumes may say who was scanned. A private key table, keys.csv, says which case is which CT; keep it to yourself.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>case-0001, case-0002 …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>case-0001 …, with a private key table</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>as their files or volumes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Skip finished cases</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>A case is read again only when its CT, the weights or the settings have changed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Run batch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Double-click a case to open its report.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Case</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Batch.ui"></location>
            <source>Result</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Export</name>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>Save reading…</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>Save to DICOM database</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>Masks that you have already, to be corrected here:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>A segmentation with L1 and L2 of this CT, such as one that the module DICOM has loaded.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>vtkMRMLSegmentationNode</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>Take</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Export.ui"></location>
            <source>From file…</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Input</name>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Open Setup</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Show the section that installs what is missing.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>CT:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>A CT that shows L1 and L2, in Hounsfield units.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>vtkMRMLScalarVolumeNode</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>volume</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Read</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Follow edits</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>follow</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Update by itself whenever a point is moved, a mask edited or a vertebra left out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Use the CPU</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Input.ui"></location>
            <source>Run again on the CPU. That is slower, but it usually has more memory.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Labels</name>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Dataset:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>The folder that labels go to: the CT, the masks, a small picture and a line of cases.jsonl for each case. Nothing leaves this computer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>CTs to label:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>A folder with CTs, to be labeled one after the other: files, DICOM folders, or folders of these. Leave it empty to label the CT that is open.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Label this folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Case:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Names the case's folder. It should say nothing of the patient.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Patient:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>The same code for every CT of one person, so that training and test never share a person. No name, no date of birth: letters, digits, dashes and underscores, at most 32.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>e.g. P017, no name</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Class:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>The class by a reference such as QCT, not the network's. If left open, it follows from the BMD; without a BMD it stays unknown.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>BMD:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>L1</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>The trabecular, volumetric BMD in mg/cm³, as QCT gives it. DXA gives g/cm², which is something else: leave this empty then and state the class.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>mg/cm³</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>by</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>How the volumetric BMD was measured. DXA doesn't measure it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Save label</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Skip</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>CT</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>State</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Labels.ui"></location>
            <source>Label</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Levels</name>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Find L1 and L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Level</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Click a row to see the level in the slice views.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Position</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Confidence</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>How probable the level's name is.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Point</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Who placed the point.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Confirm</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Shift up</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Levels.ui"></location>
            <source>Shift down</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Masks</name>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Level</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Untick to hide the mask.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Mask by</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Who drew the mask.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Area</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Area of the vertebral body on its middle slice.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>3-D surface</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Show the bodies in the 3-D view, and go there.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>surface</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Network's outline</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Show the outline of what the network drew, over your masks.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Edit masks</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Refine by level set</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Levels:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>The levels whose mask is refined.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>L1 and L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>L1</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Slices:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Where the level set moves the outline. The class comes from the middle slice, the HU from the whole body.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Middle slice</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Slice shown</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Whole body</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Largest shift:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source> mm</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>max_shift_mm</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>No part of the outline moves farther than this.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Stiffness:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>length_weight</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Higher values make the outline smoother.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Inward pull:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>area_weight</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Values above zero draw the outline inward, below zero outward.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Refine</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Undo</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Masks.ui"></location>
            <source>Show before</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>OsteoJoint</name>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>OsteoJoint needs Slicer 5.8 or newer with Python 3.11 or newer, but this is Slicer {slicer} with Python {python}. Install Slicer 5.10 or newer from download.slicer.org.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Finds L1 and L2 on a CT, segments their vertebral bodies and predicts normal, osteopenia or osteoporosis with a picture of why. For research only: not a medical device.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Ten minutes with the sample CT</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Manual</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Keys</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Reason codes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Troubleshooting</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>Report a fault</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>OsteoJoint</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJoint/OsteoJoint.py"></location>
            <source>The method is that of Zhang et al. 2023, &lt;a href="https://doi.org/10.1155/2023/3018320"&gt;doi 10.1155/2023/3018320&lt;/a&gt;. Its implementation, the phantoms and the weights are this project's own, under Apache-2.0; what others made stands in THIRD_PARTY_NOTICES.md, beside the license.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Result</name>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Check levels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Show the section in which L1 and L2 are checked, moved and confirmed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Normal</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Osteopenia</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Osteoporosis</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>&lt;b&gt;L1&lt;/b&gt;</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Leave out</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Why it is left out. The reason stands in the result and in the report.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>&lt;b&gt;L2&lt;/b&gt;</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Show everything there is to say of this result, or the first of it alone.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>How it was scanned</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Tube voltage:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>The tube voltage at which the CT was scanned, where you know better than its header.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Kernel:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>The kind of kernel that the CT was reconstructed with, where you know better than its header.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Contrast:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Result.ui"></location>
            <source>Whether a contrast agent was given, and in which phase the CT was scanned, where you know better than its header.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Setup</name>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Install…</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Shows what would be installed, its size and license, and asks first.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Install from folder…</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Installs from a folder of wheels, without a network.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Weights:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Import…</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Copies a .safetensors file, checked against the manifest.json beside it, into your own settings folder.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Remove</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Deletes the chosen imported weights from the disk.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Device:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Where the networks run. Automatic uses an NVIDIA card if there is one. Remembered.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Automatic</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>GPU (CUDA)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>CPU</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Check</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Starts the worker and says what it finds: PyTorch's build, graphics card, driver.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Advanced</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Another Python:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>A Python that has the packages already. Leave empty for Slicer's own. The environment variable OSTEOJOINT_PYTHON overrides it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Last lines of the worker:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Copy</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Setup.ui"></location>
            <source>Copy these lines, for a bug report. They hold no patient data, but may hold names of folders.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Views</name>
        <message>
            <location filename="../../Resources/UI/Views.ui"></location>
            <source>L1 | L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Views.ui"></location>
            <source>Bone</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Views.ui"></location>
            <source>Soft tissue</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>Why</name>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>Explanation map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>explanation</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>Opacity of the explanation map.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>explanation_opacity</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>Boundary heat map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>heatmap</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>Opacity of the boundary heat map.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>heatmap_opacity</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>0</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>50</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../Resources/UI/Why.ui"></location>
            <source>100 %</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>batch.contract</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>1 case</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>{count} cases</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>{cases}, done before: nothing to read.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>done</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>skipped</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>refused</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/batch/contract.py"></location>
            <source>failed</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>labels.label_flow</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>{count} labeled</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>{count} skipped</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>{count} not readable</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>{count} to do</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>Nothing is left to do: {counts}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>{name} can't be read: {why}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/labels/label_flow.py"></location>
            <source>The CT that was open was left, so labeling has stopped. Go on when you like.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.batch_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Cancel batch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Run batch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Stop now. Finished cases stay.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Read all cases.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Check the CTs to be read.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Choose the folder with the CTs.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Choose a folder for the results.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Cancelled. Finished cases stay; run it again to go on.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Starting …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>{done} of {total} cases</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Open the table</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/batch_section.py"></location>
            <source>Show folder</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.export_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Result, report with pictures of the views, segmentation and a CSV row. Nothing leaves this computer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Update it first</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>{folder} holds an earlier reading. Replace it?</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Saving …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Puts segmentation (SEG), measurements (SR) and the report (PDF) beside the CT's study in Slicer's DICOM database, with the patient's name and number as the study has them.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>segmentation, measurements and report</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>segmentation and measurements</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Saved in the DICOM database, beside the CT: {what}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Choose the CT first.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>L1 and L2 become yours to correct, and the CT is read by them. They must lie on this CT's voxels.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Choose a segmentation.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>This segmentation is a reading's own.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>A DICOM SEG, .seg.nrrd or label map with L1 and L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>The masks of {name} are yours to correct now.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Where to save the reading</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Saved in {folder}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Open the report</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Show folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Nothing is read yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/export_section.py"></location>
            <source>Out of date: {changes}.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.input_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Cancel</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Stop now. Earlier results stay.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Update</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Read</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Find the levels, segment the vertebral bodies and predict the class.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>{level} has no point yet. Place it, or find both.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Load a CT and choose it above. File → Download Sample Data has a phantom to try.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>OsteoJoint needs packages that are not installed yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Computes on the CPU.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Computes on {card}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Handing over the CT</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Reading the CT</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Loading the networks</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Finding L1 and L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Cutting out the levels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Localizing the bodies</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Segmenting the bodies</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Refining the masks</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Predicting the class</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Explaining the class</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Outlining the whole bodies</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Measuring</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Writing</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/input_section.py"></location>
            <source>Starting</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.label_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Label this folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Opens one CT after the other, beginning where you stopped.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Stop</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Stop here. You can go on later: what was done is noted in the dataset's folder.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Leave this CT without a label, and open the next.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Save and next</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Stopped. Go on when you like.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>What you corrected isn't saved. Leave this CT all the same?</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Choose a folder for the dataset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Choose the folder with the CTs.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>OsteoJoint needs packages that are not installed yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>The next CT is being loaded.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>{name}, CT {place} of {total}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/label_section.py"></location>
            <source>Place L1 and L2 yourself and read it again, or skip it.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.levels_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Place</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Find L1 and L2 and mark each with a point. Replaces points that are there.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Press, then click on the center of the body of {level} in a slice. Or drag its point.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>No vertebra was found there, or none were looked for yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Move L1 and L2 up by one vertebra, if they were counted wrongly.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Move L1 and L2 down by one vertebra, if they were counted wrongly.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>The names are right: take both points for your own, and read.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>in doubt</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>sure</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>not placed</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>found</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>by you</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Click on the center of the body of {level} in a slice. A right click ends.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Are these L1 and L2? The bodies about them are named in the sagittal view. Press Confirm; or shift both by one vertebra, or move the points. The class comes after that.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Check both points, then press Read above.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Find both, or place each by hand: press Place, then click on its center in a slice.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/levels_section.py"></location>
            <source>Now place {level}: press Place in its row, then click on its center in a slice. Or find both.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.masks_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Reset</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>The masks are the network's own.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Show the outline of what the network drew, over your masks.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Put the network's own mask of {level} back.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>The mask is the network's own.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>There are no masks yet: press Read first.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Move the outline to the bone's edge by a level set. For masks that are off: good ones hardly change.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Nothing was refined yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Bring back the masks from before the refinement.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Show after</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Show before</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Show the present masks again.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Show the masks from before the last refinement.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>One slice belongs to one level: choose L1 or L2.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>network</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>you (corrected)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>level set (refined)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>You see the masks from before the refinement. The numbers belong to the refined ones.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>The light green outline is the network's. The numbers belong to your masks.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>{level}: {voxels} voxels on 1 slice corrected.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>{level}: {voxels} voxels on {slices} slices corrected.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>You drew {level} on the body of {other}. Ctrl+Z takes it back.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>You drew {level} {distance:.0f} mm away from its body. Ctrl+Z takes it back.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/masks_section.py"></location>
            <source>Correct any slice: the HU come from the whole body, the class from the middle slice. Click a level's row above to go there and edit it.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.panel</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Levels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Masks</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Why</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Export</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Labels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Batch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/panel.py"></location>
            <source>Setup</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.result_card</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>No result yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>Out of date: {changes}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>No class</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>Untick to let {level} count all the same.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>Make the class without {level}: for a fracture, cement, a lesion or metal.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>Clear: {share:.1f} % for this class.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>Indeterminate: {other} is possible too.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>BMD {mean:.0f} mg/cm³, 90 % interval {low:.0f}–{high:.0f}, {by}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>by the calibration file</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>by rods in the scan</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>by the scan's own tissues</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>as the network estimates it</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>In brackets: the 90 % interval of BMD.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>left out by proposal: look at it</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>left out by you</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>fracture</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>cement</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>focal lesion</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>metal</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>other</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>{level} was left out by you ({reason}).</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>{level} is left out by proposal ({reason}). Look at it; untick it to let it count.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>Nothing speaks against it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/result_card.py"></location>
            <source>There are notes.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.setup_packages</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Shows what would be installed, its size and license, and asks first.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Installs from a folder of wheels, without a network.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>An installation is under way.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>OsteoJoint installs nothing into another Python than Slicer's.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Everything is installed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Folder of wheels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Installing {packages} …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Installed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>Restart Slicer: it has older versions loaded.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>All packages are installed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>What is needed is installed. Without {packages}, a fixed window around each level takes the place of the body's box.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>All that is needed is installed; {packages} is missing.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>&lt;b&gt;Slicer's Python lacks packages:&lt;/b&gt; {packages}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>OsteoJoint computes with {python}, and installs nothing into it. In a terminal:</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_packages.py"></location>
            <source>The last line is for Ultralytics, which is licensed under AGPL-3.0; you may leave it out.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.setup_weights</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_weights.py"></location>
            <source>{value} is gone, so the shipped weights are used.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_weights.py"></location>
            <source>{name} (imported)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_weights.py"></location>
            <source>Import weights</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_weights.py"></location>
            <source>Weights</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_weights.py"></location>
            <source>Delete the imported weights {name} from the disk?</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_weights.py"></location>
            <source>{name} can't be deleted: {error}. Try again later.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.setup_worker</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_worker.py"></location>
            <source>Set by the environment variable {name}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_worker.py"></location>
            <source>Not known before the first run.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_worker.py"></location>
            <source>{path} doesn't exist, so Slicer's own Python is used.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/setup_worker.py"></location>
            <source>Looking …</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.shortcuts</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Read, or stop reading</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Find L1 and L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Go to L1, the upper one</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Go to L2, the lower one</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Confirm levels that are in doubt</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Shift both levels up</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Shift both levels down</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Save the label, and open the next CT of the folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Skip this CT of the folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Show this list</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Keys of OsteoJoint</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Show the tour again</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/shortcuts.py"></location>
            <source>Close</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.tour</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Load the sample CT</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Skip</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Done</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Step {step} of {steps}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Load a CT of the lumbar spine into Slicer and choose it below, or begin with a made one.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Press &lt;i&gt;{button}&lt;/i&gt;. L1 and L2 are found, outlined and measured, which takes some seconds.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/tour.py"></location>
            <source>Look whether levels and outlines are right. A dragged point or a corrected mask is read again at once. &lt;a href="{tutorial}"&gt;Ten minutes&lt;/a&gt; show all of it; Ctrl+Shift+K lists the keys.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.views_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/views_section.py"></location>
            <source>No CT is chosen.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/views_section.py"></location>
            <source>Show the CT in a bone window ({window}), in all views.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/views_section.py"></location>
            <source>Show the CT in a soft-tissue window ({window}), in all views.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/views_section.py"></location>
            <source>Slicer runs without a window.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/views_section.py"></location>
            <source>Show L1 and L2 in a view each, with a sagittal and a coronal view below. Ends with the module.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>panel.why_section</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>No result yet.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>There is no map before the first reading.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>The reading made no explanation map.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Show where the class gets its support, over L1 and L2 at one scale. Replaces the other map.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Show where the network sees the edge of the bone. Replaces the other map.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>No class is given until the levels are confirmed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>The network's class, which is given, is the same.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>The network's class, which is given, is another: it sees the whole image of both bodies, not their mean.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>HU depend on the scan. What is known of it: {facts}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Share of the strongest place of both levels, which has {top:.2g} log-odds of the class a cell. {drawn}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>How sure the network is that the edge of the bone is there. {drawn}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Below {percent} % nothing is drawn.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>L1 weighs {l1:.0f} % in the class, L2 {l2:.0f} %.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Explanation map: the class depends on neither level.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Explanation map: no influence in {level}, all of it in {other}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Explanation map: {l1:.0f} % of the influence lies in L1, {l2:.0f} % in L2.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>By mean HU alone: {status} ({hu} HU; below {low} osteoporosis, at least {high} normal).</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>Weights {name}, trained on {data}. Computed on {device} in {seconds:.1f} s.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/why_section.py"></location>
            <source>the CPU</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.case_table</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/case_table.py"></location>
            <source>Nothing speaks against the class.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/case_table.py"></location>
            <source>normal</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/case_table.py"></location>
            <source>osteopenia</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/case_table.py"></location>
            <source>osteoporosis</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/case_table.py"></location>
            <source>Not reliable: see its report.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/case_table.py"></location>
            <source>Doubtful: see its report.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.label_form</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>not stated</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>normal</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>osteopenia</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>osteoporosis</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>Saves the CT, the masks and a line of cases.jsonl, for your own training code; OsteoJoint's training can't read it yet. Nothing leaves this computer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>Save label</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>Saving …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>Saved as {name}. Cases in the dataset: {count}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>Show folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>Save label again</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>The BMD says {by_bmd}, you stated {stated}. Save anyway?</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>The dataset has {case} already. Replace it?</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>{levels}: no point or no mask yet. A label needs both.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_form.py"></location>
            <source>The names of the levels are in doubt. Confirm or correct them first, under Levels.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.label_table</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>Double-click opens it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>to do</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>loading …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>open</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>labeled</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>skipped</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/label_table.py"></location>
            <source>not readable</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.level_table</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/level_table.py"></location>
            <source>Click to see {level} in the slices.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.scan_facts</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>as found</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>soft</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>standard</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>sharp</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>lung</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>none given</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>given</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>arterial</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>portal</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>excretory</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>Not known before the first reading.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>Read as unknown: the header doesn't say, and the image doesn't show it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>Read as {value}: so says the header.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>Read as {value}: so said you.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/scan_facts.py"></location>
            <source>Read as {value}: estimated from the image, {sure:.0f} % sure.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.status_words</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/status_words.py"></location>
            <source>Normal</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/status_words.py"></location>
            <source>Osteopenia</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/status_words.py"></location>
            <source>Osteoporosis</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>parts.widgets</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/panel/parts/widgets.py"></location>
            <source>A reading is under way. Wait for it or cancel it.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>reading.controller</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/reading/controller.py"></location>
            <source>The slice changed, so the network drew {levels} again. Undo (under Masks) brings yours back.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/reading/controller.py"></location>
            <source>“{name}” was removed from the scene, and its reading with it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/reading/controller.py"></location>
            <source>The masks that you corrected stay.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>scene.level_nodes</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/level_nodes.py"></location>
            <source>{level} region</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/level_nodes.py"></location>
            <source>placed by hand</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/level_nodes.py"></location>
            <source>found, in doubt, {confidence:.2f}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/level_nodes.py"></location>
            <source>found, confidence {confidence:.2f}</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>scene.mask_nodes</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/mask_nodes.py"></location>
            <source>network's L1 L2</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/mask_nodes.py"></location>
            <source>L1 L2 before refinement</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/mask_nodes.py"></location>
            <source>HU regions</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/mask_nodes.py"></location>
            <source>{level} HU region</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>scene.names_node</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/names_node.py"></location>
            <source>{name} ?</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/names_node.py"></location>
            <source>Names to confirm</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>scene.overlay_nodes</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/overlay_nodes.py"></location>
            <source>{title} colors</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/overlay_nodes.py"></location>
            <source>{title} (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/overlay_nodes.py"></location>
            <source>Boundary heat map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/overlay_nodes.py"></location>
            <source>Explanation map</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>scene.slice_views</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/slice_views.py"></location>
            <source>3D view</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/slice_views.py"></location>
            <source>{plane}, {level}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/slice_views.py"></location>
            <source>Sagittal slice</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/slice_views.py"></location>
            <source>Coronal slice</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/slice_views.py"></location>
            <source>Axial slice</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>scene.table_node</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/table_node.py"></location>
            <source>L1 L2 measurements</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/scene/table_node.py"></location>
            <source>Level</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>setup.OsteoJointSubjectHierarchyPlugin</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/OsteoJointSubjectHierarchyPlugin.py"></location>
            <source>Read bone status</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>setup.install</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install.py"></location>
            <source>The PyTorch extension was not installed. Install it yourself in View → Extensions Manager, restart Slicer, then press Install… again.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install.py"></location>
            <source>pip reported success, but {packages} is still missing.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install.py"></location>
            <source>Installing failed: {error}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install.py"></location>
            <source>PyTorch comes with the PyTorch extension. Get that first.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install.py"></location>
            <source>pip failed with exit code {code}. It said: {said}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install.py"></location>
            <source>What to do:</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>setup.install_dialog</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Install what OsteoJoint needs</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Install Ultralytics too. Its license is AGPL-3.0.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Ultralytics (YOLOv3) boxes the vertebral bodies. It is not part of OsteoJoint. Without it, a fixed window around each level takes the box's place; everything else works.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Cancel</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Get the PyTorch extension…</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Install</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>These packages are installed into Slicer's Python from {folder}.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>These packages are downloaded (from pypi.org and pytorch.org) and installed into Slicer's Python.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>&lt;b&gt;First get Slicer's PyTorch extension.&lt;/b&gt; It installs the build of PyTorch that fits your graphics card. Slicer restarts for it; then press Install… again.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Slicer's PyTorch extension picks the build of PyTorch that fits your graphics card: about 200 MB without one, up to 3 GB with one. Slicer is slow for some minutes meanwhile.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Package</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>License</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Download, up to</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Up to {size} in all, and about twice that on the disk.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>Tick the box: nothing else is missing.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>There is nothing to install.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>&lt;b&gt;What Slicer has loaded stays: {packages}.&lt;/b&gt; Another version beside it would break Slicer. Install Slicer 5.10 or newer, or choose another Python under Setup → Advanced.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source> (with Ultralytics)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>{size} GB</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/install_dialog.py"></location>
            <source>{size} MB</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
    <context>
        <name>setup.sample_data</name>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/sample_data.py"></location>
            <source>Making the phantom CT …</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <location filename="../../OsteoJointLib/slicer_bridge/setup/sample_data.py"></location>
            <source>Cancelled: no phantom was made.</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
</TS>
