"""The job queue.

Its tables are procrastinate's and come from that package's own migrations, in their order and as far as the version
that this revision was written for. When a later version brings more of them, a revision after this one applies those.
"""

from alembic import op

from appanage.storage.migrations.job_queue import migrations_of_the_job_queue

revision = '0002'
down_revision = '0001'

NEWEST = '03.04.00_50_post_add_retry_failed_job_procedure.sql'


def upgrade() -> None:
    for script in migrations_of_the_job_queue(until=NEWEST):
        # Without parameters, so that a percent sign is one and a script may hold many statements.
        op.get_bind().exec_driver_sql(script, execution_options={'no_parameters': True})
