"""Backup and restore (decision 0012): one file with the data, the uploaded files and a manifest that witnesses them.

``manifest`` what a backup says of itself · ``sqlite`` and ``postgres`` copy and replace · ``writing`` backup ·
``restoring`` restore, which verifies everything before it replaces anything.
"""

from clinic_orders.exchange.backups.manifest import Manifest, open_backup
from clinic_orders.exchange.backups.restoring import Restored, restore_backup
from clinic_orders.exchange.backups.writing import ServingLock, write_backup

__all__ = ["Manifest", "Restored", "ServingLock", "open_backup", "restore_backup", "write_backup"]
