import hashlib
import os
import secrets

import jwt
import psycopg2
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel
from store import connect

JWT_SECRET = os.environ["JWT_SECRET"]
OPENAI_API_KEY = os.environ["OPENAI_API_KEY"]
if len(JWT_SECRET) < 32:
    raise ValueError("JWT_SECRET must have at least 32 characters")

app = FastAPI()
origins = os.getenv("ALLOWED_ORIGINS", "http://localhost:5173").split(",")
app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])


class Credentials(BaseModel):
    email: str
    password: str


class Chore(BaseModel):
    title: str


@app.on_event("startup")
def tables():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS person (email text PRIMARY KEY, salt text, hash text)")
        cursor.execute("CREATE TABLE IF NOT EXISTS chore (id serial PRIMARY KEY, email text, title text)")


def hashed(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()


def person(authorization: str = Header(default="")):
    try:
        return jwt.decode(authorization.removeprefix("Bearer "), JWT_SECRET, algorithms=["HS256"])["sub"]
    except jwt.PyJWTError:
        raise HTTPException(401) from None


@app.get("/health")
def health():
    return {"ok": True}


@app.post("/register", status_code=201)
def register(new: Credentials):
    salt = secrets.token_hex(8)
    with connect() as connection, connection.cursor() as cursor:
        try:
            cursor.execute("INSERT INTO person VALUES (%s, %s, %s)", (new.email, salt, hashed(new.password, salt)))
        except psycopg2.errors.UniqueViolation:
            raise HTTPException(409) from None
    return {"email": new.email}


@app.post("/login")
def login(given: Credentials):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT salt, hash FROM person WHERE email = %s", (given.email,))
        row = cursor.fetchone()
    if not row or hashed(given.password, row[0]) != row[1]:
        raise HTTPException(401)
    return {"access_token": jwt.encode({"sub": given.email}, JWT_SECRET, algorithm="HS256"), "token_type": "bearer"}


@app.get("/chores")
def chores(email: str = Depends(person)):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, title FROM chore WHERE email = %s", (email,))
        return [{"id": number, "title": title} for number, title in cursor.fetchall()]


@app.post("/chores", status_code=201)
def add(new: Chore, email: str = Depends(person)):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO chore (email, title) VALUES (%s, %s) RETURNING id", (email, new.title))
        return {"id": cursor.fetchone()[0], "title": new.title}
