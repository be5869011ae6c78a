"""The ledger, an SQLite file with every call that was sent and every answer that was paid for; read `ledger` first."""
