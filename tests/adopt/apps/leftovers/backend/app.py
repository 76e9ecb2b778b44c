import os
import sqlite3

from flask import Flask

DATABASE_URL = os.getenv("DATABASE_URL", "sqlite:///tasks.db")
os.makedirs("uploads", exist_ok=True)
app = Flask(__name__)


@app.after_request
def for_the_page(response):
    response.headers["Access-Control-Allow-Origin"] = "http://localhost:3000"
    return response


@app.route("/tasks")
def tasks():
    return sqlite3.sqlite_version


@app.route("/")
def root():
    return {"ok": True}
