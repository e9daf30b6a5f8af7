"""Which debts a file has already named: a million of them in some 45 MB, since dictionaries would take 200."""

from array import array

_FIRST_SLOTS = 1 << 12
_WORD = (1 << 64) - 1


class Seen:
    """Keys by order of arrival: `place` gives each a rank from 0, the same for the same key.

    A key is known by 64 bits of its hash, which Python seeds anew in each process: among a million keys, two are taken
    for one in one file out of thirty million, and then reported as a conflict, never merged.
    """

    def __init__(self) -> None:
        self._slots = _FIRST_SLOTS
        self._hashes = array("Q", bytes(8 * self._slots))  # 0: free
        self._ranks = array("I", bytes(4 * self._slots))
        self.count = 0

    def place(self, key: object) -> tuple[int, bool]:
        """The rank of a key, and whether it is new."""
        word = hash(key) & _WORD or 1
        hashes, mask = self._hashes, self._slots - 1
        slot = word & mask
        while held := hashes[slot]:
            if held == word:
                return self._ranks[slot], False
            slot = slot + 1 & mask
        hashes[slot] = word
        rank = self._ranks[slot] = self.count
        self.count += 1
        if 5 * self.count > 3 * self._slots:
            self._grow()
        return rank, True

    def _grow(self) -> None:
        old_hashes, old_ranks = self._hashes, self._ranks
        self._slots *= 2
        mask = self._slots - 1
        hashes = self._hashes = array("Q", bytes(8 * self._slots))
        ranks = self._ranks = array("I", bytes(4 * self._slots))
        for old, word in enumerate(old_hashes):
            if word:
                slot = word & mask
                while hashes[slot]:
                    slot = slot + 1 & mask
                hashes[slot] = word
                ranks[slot] = old_ranks[old]
