"""The worker as a process beside Slicer: started, asked, heard, killed, and handed the CT."""
