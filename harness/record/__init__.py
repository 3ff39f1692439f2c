"""What a run saw: the append-only record, its metrics, its policy, and the folder that keeps it."""
