"""What people read instead of the words of the code."""

KIND_NAMES = {"titre": "Titres", "role": "Rôles", "regie": "Régie"}
PHASE_NAMES = {"test": "Test", "active": "Production", "closed": "Fermée"}
STATE_NAMES = {"due": "À payer", "paid": "Payée", "cancelled": "Annulée"}
