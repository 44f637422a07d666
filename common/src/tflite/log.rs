//! What a build of TensorFlow Lite Micro with `TF_LITE_SHOW_MEMORY_USE` prints of its plan: a
//! line a buffer, in the order in which the planner was given them,
//!
//! ```text
//! a (id=10): size=2304, offset=4608, first_used=3 last_used=4
//! ```
//!
//! first the tensors and then the scratch buffers. Only such a log tells the scratch buffers of
//! kernels other than the reference ones. What else was printed, before or beside it, is passed
//! over.

use std::io::{BufReader, Read};

use super::ModelError;

/// Bytes of a log; a line a buffer is some sixty.
const MOST_BYTES: u64 = 64 << 20;

/// One buffer of a plan. Times are steps, both ends included; -1 where it is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) size: u64,
    pub(super) first: i64,
    pub(super) last: i64,
}

/// The plans of a log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Each from a line with id 0 to the next.
    plans: Vec<Vec<Line>>,
}

impl Log {
    /// Reads `input` to its end. O(n).
    ///
    /// # Errors
    /// [`LogError`], with the line, where a plan has a gap; where there is no plan.
    pub fn read(input: impl Read) -> Result<Log, LogError> {
        let mut text = Vec::new();
        BufReader::new(input.take(MOST_BYTES + 1)).read_to_end(&mut text)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(LogError::Malformed(
                1,
                format!("a log of more than {MOST_BYTES} bytes"),
            ));
        }
        let mut plans: Vec<Vec<Line>> = Vec::new();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let text = String::from_utf8_lossy(line);
            let Some((id, line)) = buffer(&text, number) else {
                continue;
            };
            if id == 0 {
                plans.push(Vec::new());
            }
            match plans.last_mut() {
                Some(plan) if plan.len() as u64 == id => plan.push(line),
                last => {
                    let before = last.map_or(0, |plan| plan.len());
                    let what = format!("buffer {id} stands where {before} should");
                    return Err(LogError::Malformed(number, what));
                }
            }
        }
        if plans.is_empty() {
            let what = "no line such as \"0 (id=0): size=16, offset=0, first_used=0 last_used=1\": \
                        is the program built with TF_LITE_SHOW_MEMORY_USE?";
            return Err(LogError::Malformed(1, what.to_owned()));
        }
        Ok(Log { plans })
    }

    /// The scratch buffers of the last plan that begins with these tensors.
    pub(super) fn behind(
        &self,
        tensors: &[(u64, i64, i64)],
    ) -> Result<impl Iterator<Item = Line> + '_, ModelError> {
        let is_like = |plan: &&Vec<Line>| {
            plan.len() >= tensors.len()
                && plan
                    .iter()
                    .zip(tensors)
                    .all(|(line, &(size, first, last))| {
                        (line.size, line.first, line.last) == (size, first, last)
                    })
        };
        let Some(plan) = self.plans.iter().rev().find(is_like) else {
            let last = self.plans.last().map_or(&[][..], |plan| plan);
            return Err(ModelError::at(0, difference(last, tensors)));
        };
        Ok(plan[tensors.len()..].iter().copied())
    }
}

/// How a plan differs from what it should begin with.
fn difference(plan: &[Line], tensors: &[(u64, i64, i64)]) -> String {
    let other = plan
        .iter()
        .zip(tensors)
        .position(|(line, &(size, first, last))| {
            (line.size, line.first, line.last) != (size, first, last)
        });
    let Some(index) = other else {
        let (lines, tensors) = (plan.len(), tensors.len());
        return format!("the log has a plan of {lines} buffers, and the model {tensors} tensors");
    };
    let (line, (size, first, last)) = (plan[index], tensors[index]);
    format!(
        "the log is of another model: its line {} says {} bytes from step {} to {}, \
         where the model has {size} from {first} to {last}",
        line.number, line.size, line.first, line.last
    )
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line, counted from 1, and what is wrong with it.
    #[error("line {0}: {1}")]
    Malformed(u64, String),
}

/// A buffer's id and what the line says of it; `None` for all other lines.
fn buffer(text: &str, number: u64) -> Option<(u64, Line)> {
    let (_, rest) = text.split_once("(id=")?;
    let (id, rest) = rest.split_once("): size=")?;
    let (size, rest) = rest.split_once(", offset=")?;
    let (_, rest) = rest.split_once(", first_used=")?;
    let (first, last) = rest.split_once(" last_used=")?;
    let end = last.find(|c: char| !c.is_ascii_digit() && c != '-');
    let line = Line {
        number: number as usize,
        size: size.parse::<i32>().ok()?.try_into().ok()?,
        first: time(first)?,
        last: time(&last[..end.unwrap_or(last.len())])?,
    };
    (line.first <= line.last).then_some(())?;
    Some((id.parse::<u32>().ok()?.into(), line))
}

/// A step, or -1.
fn time(text: &str) -> Option<i64> {
    text.parse::<i32>()
        .ok()
        .filter(|&time| time >= -1)
        .map(i64::from)
}
