"""Daily operation of the deployed release."""
