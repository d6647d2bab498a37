//! One invariant a file: pure over what was gathered.

pub mod bonds;
pub mod chain;
pub mod equivocation;
pub mod logs;
pub mod resources;
pub mod roots;
pub mod transactions;
pub mod value;
