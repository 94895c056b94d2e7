"""The deeds: the only code that writes. One public function per deed, with ``by`` and ``at``."""
