//! Start-up, in its order, and the shutdown.
