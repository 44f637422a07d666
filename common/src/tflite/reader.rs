//! The jobs of a model, a row each.

use std::io::Read;

use super::model::MOST_BYTES;
use super::{Log, Model, Plan};
use crate::error::{FormatError, Place};
use crate::row::{Listed, Row};

/// The jobs of a model: tensors by number, then scratch buffers. The column `name` has the
/// tensor's name; the placement is the one that the library makes.
///
/// Reads `input`, a model, to its end; scratch buffers are those of the log, or of the
/// reference kernels. Linear in its length, and quadratic in the number of jobs.
///
/// # Errors
/// [`FormatError`] with the byte of what is not as it should be.
pub fn read(input: impl Read, log: Option<&Log>) -> Result<Listed, FormatError> {
    let mut bytes = Vec::new();
    input.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let model = Model::parse(&bytes)?;
    let requests = model.requests(log, Plan::Kept)?;
    let mut notes = requests.notes().to_vec();
    let offsets = requests.greedy();
    if offsets.is_none() {
        notes.push(
            "without a placement: so many would keep the library's planner too long".to_owned(),
        );
    }
    let mut offsets = offsets.into_iter().flatten();
    let mut rows = Vec::with_capacity(requests.all().len());
    for (request, job) in requests.all().iter().zip(requests.jobs()) {
        let offset = offsets.next();
        if job.size > 0 {
            rows.push(Row {
                job,
                offset,
                place: Place::Byte(0),
                unknown: vec![request.name.as_str().into()],
            });
        }
    }
    let columns = ["id", "lower", "upper", "size", "alignment", "name"];
    Ok(Listed::new(rows, &columns, notes).numbered())
}
