//! A Goofish to test against.
