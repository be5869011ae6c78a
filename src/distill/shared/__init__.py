"""What some stages read, each module by itself; dvc.yaml lists these file by file."""
