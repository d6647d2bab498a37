//! All that is heard from and said to L1: reorg-aware event stream, blobs, one transaction sender per key.
