"""This machine: processes, files, locks, virtual environments and programs."""
