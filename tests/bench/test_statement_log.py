"""What PostgreSQL logs is counted as an operator would count it."""

from sections.statements import Logged, counted

LOG = """\
benchmark log [appanage] LOG:  statement: BEGIN
benchmark log [appanage] LOG:  execute <unnamed>: SELECT apps.id
\tFROM apps
\tWHERE apps.client_id = $1
benchmark log [appanage] DETAIL:  Parameters: $1 = 'SELECT'
benchmark log [appanage desk] LOG:  execute _pg3_1:
\tWITH wanted AS (SELECT 1) UPDATE refresh_tokens SET expires_at = now()
benchmark log [appanage] LOG:  statement: COMMIT
benchmark log [appanage feed 17] LOG:  execute _pg3_0:
\tSELECT id FROM revocations
benchmark log [benchmark] LOG:  statement: ALTER SYSTEM SET log_statement = 'all'
"""


def test_frames_of_transactions_and_the_servers_own_questions_do_not_count():
    assert counted(LOG) == Logged(statements=2, writes=1)
