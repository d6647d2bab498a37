//! Positional parameters, taken one by one; nothing may be left over.

use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::bad_params;

/// Parameters not yet taken. Bounded by the size of a request.
pub(super) struct Positional {
    values: std::vec::IntoIter<Value>,
}

impl Positional {
    pub(super) fn new(params: &Params<'_>) -> Result<Self, ErrorObjectOwned> {
        let values: Option<Vec<Value>> = params
            .parse()
            .map_err(|_| bad_params("parameters are given by position, in an array"))?;
        Ok(Self {
            values: values.unwrap_or_default().into_iter(),
        })
    }

    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ErrorObjectOwned> {
        self.optional(name)?
            .ok_or_else(|| bad_params(format!("{name} is missing")))
    }

    /// A parameter that must be given and may be null.
    pub(super) fn nullable<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ErrorObjectOwned> {
        if self.values.len() == 0 {
            return Err(bad_params(format!("{name} is missing")));
        }
        self.optional(name)
    }

    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ErrorObjectOwned> {
        let value = self.values.next().unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|error| bad_params(format!("{name}: {error}")))
    }

    pub(super) fn end(mut self) -> Result<(), ErrorObjectOwned> {
        match self.values.next() {
            None => Ok(()),
            Some(_) => Err(bad_params("too many parameters")),
        }
    }
}
