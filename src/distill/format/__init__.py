"""Stage 3: answers are filtered, put into the student's chat format, and split by base prompt."""
