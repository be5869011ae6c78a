"""How an answer is written, as numbers, and how far a student's way of writing is from its teacher's."""
