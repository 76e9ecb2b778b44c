from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str
    cors_origins: list[str] = ["http://localhost:5000"]
    log_level: str = "INFO"


settings = Settings()
