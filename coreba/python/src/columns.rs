//! Columns: what Python calls a sequence of numbers, as numbers.
//!
//! A column is a list or another iterable, or whatever numpy makes an array of:
//! arrays of any integer type and any strides, floats that are whole, masked arrays,
//! columns of pandas. Numbers are from 0 to 2^63 - 1. Nothing is rounded or wrapped.

use common::job::{Gap, MAX_VALUE};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::errors::{bad_problem, bad_row};

/// What a column may lack, and how it says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Every row has a number.
    Nothing,
    /// `None`, NaN or a masked entry.
    Missing,
    /// The same, or any negative number.
    Negative,
}

/// What stands for a number that is not there.
const NONE: i64 = -1;

/// A column by its name, for the errors about it.
struct Column<'a> {
    name: &'a str,
    lack: Lack,
    numbers: Vec<i64>,
}

/// The column that every problem has. O(n).
pub(crate) fn required(name: &str, column: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    let numbers = read(name, column, Lack::Nothing)?;
    Ok(numbers.into_iter().map(|number| number as u64).collect())
}

/// A column that may lack numbers, or as a whole; `rows` is how many it must have. O(n).
pub(crate) fn optional(
    name: &str,
    column: Option<&Bound<'_, PyAny>>,
    lack: Lack,
    rows: usize,
) -> PyResult<Option<Vec<Option<u64>>>> {
    let Some(column) = column else {
        return Ok(None);
    };
    let numbers = read(name, column, lack)?;
    same_length(name, numbers.len(), rows)?;
    let number = |number| u64::try_from(number).ok();
    Ok(Some(numbers.into_iter().map(number).collect()))
}

/// All columns have as many rows as `lower`.
pub(crate) fn same_length(name: &str, has: usize, rows: usize) -> PyResult<()> {
    if has == rows {
        return Ok(());
    }
    let what = format!("{name} has {has} rows, but lower has {rows}");
    Err(bad_problem(what))
}

fn read(name: &str, column: &Bound<'_, PyAny>, lack: Lack) -> PyResult<Vec<i64>> {
    let mut into = Column {
        name,
        lack,
        numbers: Vec::new(),
    };
    if let Ok(list) = column.cast::<PyList>() {
        into.take_each(list.iter())?;
    } else if let Ok(tuple) = column.cast::<PyTuple>() {
        into.take_each(tuple.iter())?;
    } else if is_array_like(column)? {
        into.take_array(column)?;
    } else {
        let list = items(name, column)?;
        into.take_each(list.iter())?;
    }
    Ok(into.numbers)
}

/// The items of any iterable but text.
fn items<'py>(name: &str, column: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let is_text = column.is_instance_of::<PyString>() || column.is_instance_of::<PyBytes>();
    if is_text || column.try_iter().is_err() {
        let what = format!("{name} is {}, not a column of numbers", shown(column));
        return Err(bad_problem(what));
    }
    column
        .py()
        .get_type::<PyList>()
        .call1((column,))?
        .cast_into()
        .map_err(Into::into)
}

/// Whether numpy makes an array of it: an array, a masked one, a column of pandas, a tensor.
fn is_array_like(column: &Bound<'_, PyAny>) -> PyResult<bool> {
    column.hasattr(intern!(column.py(), "__array__"))
}

fn column_dimensions(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    array.getattr(intern!(array.py(), "ndim"))?.extract()
}

/// What is needed of numpy, looked up once: it is imported with the first array.
struct Numpy {
    asarray: Py<PyAny>,
    frombuffer: Py<PyAny>,
    ndarray: Py<PyAny>,
    /// Arrays of which entries may be masked.
    masked: Py<PyAny>,
    /// The one object that describes native arrays of `int64`.
    int64: Py<PyAny>,
}

fn numpy(py: Python<'_>) -> PyResult<&Numpy> {
    static NUMPY: PyOnceLock<Numpy> = PyOnceLock::new();
    NUMPY.get_or_try_init(py, || {
        let module = py.import("numpy")?;
        Ok(Numpy {
            asarray: module.getattr("asarray")?.unbind(),
            frombuffer: module.getattr("frombuffer")?.unbind(),
            ndarray: module.getattr("ndarray")?.unbind(),
            masked: module.getattr("ma")?.getattr("MaskedArray")?.unbind(),
            int64: module.call_method1("dtype", ("int64",))?.unbind(),
        })
    })
}

/// An array of `int64` that owns these numbers and may be written to.
pub(crate) fn to_array<'py>(py: Python<'py>, numbers: &[u64]) -> PyResult<Bound<'py, PyAny>> {
    let bytes = pyo3::types::PyByteArray::new_with(py, 8 * numbers.len(), |bytes| {
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        Ok(())
    })?;
    let numpy = numpy(py)?;
    let array = numpy.frombuffer.call1(py, (bytes, &numpy.int64))?;
    Ok(array.into_bound(py))
}

impl Column<'_> {
    fn take_each<'py>(
        &mut self,
        items: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        self.numbers.reserve_exact(items.len());
        for item in items {
            match item.cast::<PyInt>().map(|number| number.extract::<i64>()) {
                Ok(Ok(number)) => self.take(number)?,
                Ok(Err(_)) => return Err(self.out_of_range(&item)),
                Err(_) => self.take_object(&item)?,
            }
        }
        Ok(())
    }

    /// A number, or a negative one where that says that there is none.
    fn take(&mut self, number: i64) -> PyResult<()> {
        let number = match number {
            0.. => number,
            _ if self.lack == Lack::Negative => NONE,
            _ => return Err(self.bad(format_args!("{number} is negative"))),
        };
        self.numbers.push(number);
        Ok(())
    }

    fn take_float(&mut self, number: f64) -> PyResult<()> {
        if number.is_nan() && self.lack != Lack::Nothing {
            self.numbers.push(NONE);
            return Ok(());
        }
        if number.fract() != 0.0 || !(-(2f64.powi(63))..2f64.powi(63)).contains(&number) {
            return Err(self.bad(format_args!("{number} is not a whole number below 2^63")));
        }
        self.take(number as i64)
    }

    /// What is no `int`: nothing at all, a float, or what says that it is an integer.
    fn take_object(&mut self, item: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(number) = item.cast::<PyFloat>() {
            return self.take_float(number.value());
        }
        if self.lack != Lack::Nothing && is_missing(item)? {
            self.numbers.push(NONE);
            return Ok(());
        }
        // numpy's own, of which some are no `float` of Python.
        let name = item.get_type().name()?.to_string();
        let is_float = name.starts_with("float") || name == "longdouble";
        if is_float && let Ok(number) = item.extract::<f64>() {
            return self.take_float(number);
        }
        match item.extract::<i64>() {
            Ok(number) => self.take(number),
            Err(_) if item.hasattr("__index__")? => Err(self.out_of_range(item)),
            Err(_) => Err(self.bad(format_args!("{} is not a number", shown(item)))),
        }
    }

    fn take_array(&mut self, column: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = column.py();
        let numpy = numpy(py)?;
        if column.get_type().is(&numpy.ndarray) {
            return self.take_ndarray(column);
        }
        if column.is_instance(numpy.masked.bind(py))? && column_dimensions(column)? == 1 {
            // Masked entries become `None`.
            let list = column.call_method0("tolist")?;
            return self.take_each(items(self.name, &list)?.iter());
        }
        self.take_ndarray(numpy.asarray.bind(py).call1((column,))?.as_any())
    }

    fn take_ndarray(&mut self, array: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = array.py();
        if column_dimensions(array)? != 1 {
            let (name, shape) = (self.name, array.getattr("shape")?);
            let what = format!("{name} has the shape {shape}, but a column has one dimension");
            return Err(bad_problem(what));
        }
        let dtype = array.getattr(intern!(py, "dtype"))?;
        if dtype.is(&numpy(py)?.int64) {
            return self.take_words(array, |word| Number::Signed(i64::from_ne_bytes(word)));
        }
        let kind: String = dtype.getattr("kind")?.extract()?;
        let width: usize = dtype.getattr("itemsize")?.extract()?;
        let as_type = |name: &str| array.call_method1("astype", (name,));
        match (&*kind, width) {
            ("i", _) | ("u", ..8) => self.take_words(&as_type("int64")?, |word| {
                Number::Signed(i64::from_ne_bytes(word))
            }),
            ("u", _) => self.take_words(&as_type("uint64")?, |word| {
                Number::Unsigned(u64::from_ne_bytes(word))
            }),
            ("f", ..=8) => self.take_words(&as_type("float64")?, |word| {
                Number::Float(f64::from_ne_bytes(word))
            }),
            ("O" | "f", _) => {
                let list = array.call_method0("tolist")?;
                self.take_each(items(self.name, &list)?.iter())
            }
            _ => {
                let what = format!(
                    "{} has the type {dtype}, but a column has integers",
                    self.name
                );
                Err(bad_problem(what))
            }
        }
    }

    fn take_words(
        &mut self,
        array: &Bound<'_, PyAny>,
        number: impl Fn([u8; 8]) -> Number,
    ) -> PyResult<()> {
        let bytes = array.call_method0(intern!(array.py(), "tobytes"))?;
        let (words, _) = bytes.cast::<PyBytes>()?.as_bytes().as_chunks::<8>();
        self.numbers.reserve_exact(words.len());
        for &word in words {
            match number(word) {
                Number::Signed(number) => self.take(number)?,
                Number::Unsigned(number) => match i64::try_from(number) {
                    Ok(number) => self.take(number)?,
                    Err(_) => return Err(self.bad(format_args!("{number} is beyond 2^63 - 1"))),
                },
                Number::Float(number) => self.take_float(number)?,
            }
        }
        Ok(())
    }

    fn out_of_range(&self, item: &Bound<'_, PyAny>) -> PyErr {
        self.bad(format_args!("{} is not within 0 and 2^63 - 1", shown(item)))
    }

    fn bad(&self, what: impl std::fmt::Display) -> PyErr {
        bad_row(self.numbers.len(), format_args!("{} {what}", self.name))
    }
}

enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

/// `None`, NaN, numpy's `masked`, pandas' `NA` and `NaT`: what does not equal itself, or
/// does not know.
fn is_missing(item: &Bound<'_, PyAny>) -> PyResult<bool> {
    if item.is_none() {
        return Ok(true);
    }
    let name = item.get_type().name()?;
    if ["MaskedConstant", "NAType", "NaTType"].contains(&&*name.to_string()) {
        return Ok(true);
    }
    Ok(item
        .cast::<PyFloat>()
        .is_ok_and(|number| number.value().is_nan()))
}

/// Names of groups: equal values have equal names, and others do not. `None` and `""`
/// are no group. A text or an integer is its own name, so that a CSV shows it. O(n).
pub(crate) fn groups(
    column: Option<&Bound<'_, PyAny>>,
    rows: usize,
) -> PyResult<Option<Vec<Option<Box<str>>>>> {
    let Some(column) = column else {
        return Ok(None);
    };
    // An array of integers or texts gives Python's own.
    let column = if is_array_like(column)? {
        column.call_method0("tolist")?
    } else {
        column.clone()
    };
    let list = items("group", &column)?;
    same_length("group", list.len(), rows)?;
    let names = PyDict::new(column.py());
    let mut taken = std::collections::HashSet::new();
    let mut groups = Vec::with_capacity(rows);
    for (row, item) in list.iter().enumerate() {
        if is_missing(&item)?
            || item
                .cast::<PyString>()
                .is_ok_and(|text| text.is_empty().unwrap_or(false))
        {
            groups.push(None);
            continue;
        }
        if item.lt(0).unwrap_or(false) {
            let what = format!("group {} is negative; None is for no group", shown(&item));
            return Err(bad_row(row, what));
        }
        let known = names
            .get_item(&item)
            .map_err(|error| bad_row(row, format_args!("group: {}", error.value(column.py()))))?;
        let name: String = match known {
            Some(name) => name.extract()?,
            None => {
                let mut name = item.str()?.to_string().trim().to_owned();
                while name.is_empty() || !taken.insert(name.clone()) {
                    name.push('\'');
                }
                names.set_item(&item, &name)?;
                name
            }
        };
        groups.push(Some(name.into()));
    }
    Ok(Some(groups))
}

/// Gaps, a sequence a row, or `None`: each `(lower, upper)`, or `(lower, upper, (low,
/// high))` with the part of the addresses that stays occupied. O(n).
pub(crate) fn gaps(
    column: Option<&Bound<'_, PyAny>>,
    rows: usize,
) -> PyResult<Option<Vec<Vec<Gap>>>> {
    let Some(column) = column else {
        return Ok(None);
    };
    let list = items("gaps", column)?;
    same_length("gaps", list.len(), rows)?;
    let each = list.iter().enumerate().map(|(row, item)| {
        if is_missing(&item)? {
            return Ok(Vec::new());
        }
        let bad = || {
            let what = "gaps are pairs (lower, upper), or (lower, upper, (low, high))";
            bad_row(row, what)
        };
        let gaps = item.try_iter().map_err(|_| bad())?;
        gaps.map(|gap| gap_of(&gap?).ok_or_else(bad)).collect()
    });
    Ok(Some(each.collect::<PyResult<_>>()?))
}

/// A gap of any sequence: a tuple, a list as JSON has it, a row of an array.
fn gap_of(gap: &Bound<'_, PyAny>) -> Option<Gap> {
    let parts: Vec<Bound<'_, PyAny>> = gap.try_iter().ok()?.collect::<PyResult<_>>().ok()?;
    let (lower, upper, window) = match &*parts {
        [lower, upper] => (lower, upper, None),
        [lower, upper, window] => (lower, upper, Some(window).filter(|part| !part.is_none())),
        _ => return None,
    };
    let window = match window {
        Some(window) => {
            let parts: Vec<Bound<'_, PyAny>> =
                window.try_iter().ok()?.collect::<PyResult<_>>().ok()?;
            let [low, high] = &*parts else { return None };
            Some((bound_of(low)?, bound_of(high)?))
        }
        None => None,
    };
    Some(Gap {
        lower: bound_of(lower)?,
        upper: bound_of(upper)?,
        window,
    })
}

fn bound_of(number: &Bound<'_, PyAny>) -> Option<u64> {
    let number = number.extract::<u64>().ok()?;
    (number <= MAX_VALUE).then_some(number)
}

/// Whether it is one integer, which applies to every row: Python's or numpy's.
pub(crate) fn is_number(column: &Bound<'_, PyAny>) -> PyResult<bool> {
    if column.is_instance_of::<PyInt>() {
        return Ok(!column.is_instance_of::<PyBool>());
    }
    // An array says that it can be an index, too, which it can if it has one entry.
    Ok(column.hasattr("__index__")?
        && is_array_like(column)?
        && column.hasattr("ndim")?
        && column_dimensions(column)? == 0)
}

/// A caller's object in an error: on one line, and not too long.
pub(crate) fn shown(object: &Bound<'_, PyAny>) -> String {
    const MOST: usize = 100;
    let Ok(text) = object.repr() else {
        return format!("{}", object.get_type());
    };
    let text = text.to_string();
    let mut shown = String::new();
    for (count, word) in text.split_whitespace().enumerate() {
        shown.extend((count > 0).then_some(' '));
        shown.push_str(word);
        if shown.len() > MOST {
            let shown: String = shown.chars().take(MOST).collect();
            return shown + " ...";
        }
    }
    shown
}
