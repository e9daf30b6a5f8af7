"""What is due, and when: effects of recorded facts, carried by procrastinate and found again by the sweeper.

One of the shared tables: it names a collectivité and a row, and holds no name, e-mail or amount.
"""

from django.db import models
from django.db.models.functions import Now

TRIES_BEFORE_A_CASE = 8


class Effect(models.Model):
    """A piece of work that follows a fact, written in its transaction; done once, tried as often as needed."""

    collectivite = models.ForeignKey("collectivites.Collectivite", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)  # a name registered in `config/jobs.py`
    subject_id = models.BigIntegerField()  # the row, or the day, that the work is about
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=80, blank=True)  # the last failure's class; never its text
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "kind", "subject_id"], name="agenda_effect_once")
        ]
        indexes = [
            models.Index(fields=["due_at"], name="agenda_effect_due", condition=models.Q(done_at__isnull=True)),
            models.Index(
                fields=["collectivite"],
                name="agenda_effect_recovered",
                condition=models.Q(done_at__isnull=False, tries__gt=TRIES_BEFORE_A_CASE),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class Watch(models.Model):
    """An attempt whose gateway is asked again and again until its end is known. Numbers and codes only, as above.

    `closed_at`: nothing that the gateway could still say is awaited. While somebody asks, `due_at` is the end of his
    lease; earlier than that, somebody wanted the question put again meanwhile.
    """

    collectivite = models.ForeignKey("collectivites.Collectivite", models.PROTECT, related_name="+")
    account_id = models.BigIntegerField()  # whom to ask; its pace is shared
    attempt_id = models.BigIntegerField()
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)  # somebody is asking; after that he is taken for dead
    asked_at = models.DateTimeField(null=True)  # the last time
    asked = models.PositiveIntegerField(default=0)
    answered_at = models.DateTimeField(null=True)  # the last time that the gateway said something of the attempt
    answer = models.CharField(max_length=12, blank=True, db_default="")  # its last answer, also that it knows nothing
    failures = models.PositiveIntegerField(default=0)  # in a row, since the last answer
    failure = models.CharField(max_length=80, blank=True)  # the last one's stable code
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "attempt_id"], name="agenda_watch_once"),
        ]
        indexes = [
            models.Index(
                fields=["account_id", "due_at"], name="agenda_watch_due", condition=models.Q(closed_at__isnull=True)
            ),
            models.Index(
                fields=["leased_until"],
                name="agenda_watch_leased",
                condition=models.Q(closed_at__isnull=True, leased_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"watch of attempt {self.attempt_id}"


class Pace(models.Model):
    """When an account may next be asked something: its questions pass one after the other.

    `failing_since`: no question of this account was answered since; one is then tried at a time, ever more rarely.
    """

    account_id = models.BigIntegerField(primary_key=True)
    free_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0, db_default=0)  # in a row
    failure = models.CharField(max_length=80, blank=True, db_default="")  # the last one's stable code
    failing_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"pace of account {self.account_id}"
