import os

import psycopg2


def connect():
    return psycopg2.connect(os.getenv("DATABASE_URL"))
