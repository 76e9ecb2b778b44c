import sqlalchemy
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("aim", sqlalchemy.Column("title", sqlalchemy.Text, primary_key=True))


def downgrade():
    op.drop_table("aim")
