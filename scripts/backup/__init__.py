"""Backups: one encrypted archive of a release with its history, configuration, Secrets and database, and the way back.

An archive is a tar inside an age file (https://age-encryption.org), so that standard tools can open it too. The last
member, `manifest.json`, holds a digest of every other one.
"""
