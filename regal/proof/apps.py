from django.apps import AppConfig


class ProofConfig(AppConfig):
    name = "regal.proof"
    label = "proof"
