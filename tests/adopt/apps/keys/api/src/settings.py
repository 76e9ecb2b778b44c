from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str
    jwt_secret: str = Field(..., min_length=32)
    jwt_algorithm: str = "HS256"
    openai_api_key: str
    gemini_api_key: str | None = None
    anthropic_api_key: str = ""
    redis_url: str = "redis://localhost:6379"
    kafka_bootstrap_servers: str = "localhost:9092"
    frontend_origins: str = "http://localhost:5173,http://localhost:4000"
    environment: str = "development"
    log_level: str = "INFO"

    @property
    def origins(self):
        return self.frontend_origins.split(",")


settings = Settings()
