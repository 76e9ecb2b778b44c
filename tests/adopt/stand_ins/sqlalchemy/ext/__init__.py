"""What SQLAlchemy has beside itself."""
