import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import FastAPI

from src.settings import settings

app = FastAPI()


@app.on_event("startup")
async def start():
    app.state.pool = await asyncpg.create_pool(settings.database_url)
    app.state.events = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await app.state.events.start()
    await app.state.events.send_and_wait("events", b"started")


@app.get("/health")
async def health():
    return {"status": "healthy"}


@app.get("/events/first")
async def first_event():
    consumer = AIOKafkaConsumer(
        "events", bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return {"event": (await consumer.getone()).value.decode()}
    finally:
        await consumer.stop()
