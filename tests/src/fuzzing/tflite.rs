//! TensorFlow Lite models and logs of their plans.

use common::check;
use common::placement::Placement;
use common::problem::Problem;
use common::tflite::{Log, Model, Plan};

/// Any bytes as a model, and as a log. What is planned can be written, and is then read as it
/// was planned.
pub fn tflite(bytes: &[u8]) {
    let log = Log::read(bytes).ok();
    let Ok(model) = Model::parse(bytes) else {
        return;
    };
    for plan in [Plan::Kept, Plan::Dropped] {
        let _ = model.requests(log.as_ref(), plan);
    }
    let Ok(requests) = model.requests(None, Plan::Dropped) else {
        return;
    };
    let offsets = requests.greedy().expect("not too many");
    let planned = requests.planned(&offsets);
    let placed = requests.jobs().into_iter().zip(offsets);
    let (jobs, offsets) = placed.filter(|(job, _)| job.size > 0).unzip();
    let Ok(problem) = Problem::new(jobs) else {
        return;
    };
    let placement = Placement { offsets };
    assert_eq!(check::verify(&problem, &placement, 0), Ok(()));
    let Ok(written) = model.with_plan(&planned.offsets_of_tensors()) else {
        return;
    };
    let again = Model::parse(&written).expect("what is written can be read");
    let read = again.requests(None, Plan::Kept).expect("a sound plan");
    assert_eq!(read.all(), planned.all());
    assert!(again.has_plan());
    assert!(written.len() <= 2 * bytes.len() + 4 * again.tensors() + 512);
}
