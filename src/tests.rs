//! What the texts beside the code say of it.

mod book;
