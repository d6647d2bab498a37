//! A wallet against a chain that tests make up: the book, scanning, transfers, and the whole program.

#[cfg(test)]
mod book;
#[cfg(test)]
mod border;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod exit;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod sent;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transfer;
