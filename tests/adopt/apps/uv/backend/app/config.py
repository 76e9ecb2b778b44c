from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Config(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PLAN_")

    database_url: str
    session_secret: str = Field(min_length=32)
    csrf_secret: str = Field(min_length=32)
