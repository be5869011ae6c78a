"""The student: where its weights and tokenizer come from, and how a conversation becomes token ids."""
