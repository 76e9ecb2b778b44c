"""The logic behind the tasks: importable, testable, without side effects at import."""
