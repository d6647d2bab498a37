//! Real nodes over loopback TCP, and a hostile one. Every wait is for an event.

mod discovery;
mod gossip;
mod hostile;
mod refusals;
mod requests;
mod start;
mod support;
