//! TensorFlow Lite models and logs of their plans.

use common::check;
use common::placement::Placement;
use common::problem::Problem;
use common::tflite::{Log, Model, Plan, Requests};

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
    let jobs = requests.jobs();
    let Ok(problem) = Problem::new(jobs.clone()) else {
        return;
    };
    let offsets = requests.greedy().expect("not too many");
    let offsets = with_bytes(&requests, offsets);
    let placement = Placement { offsets };
    assert_eq!(check::verify(&problem, &placement, 0), Ok(()));
    let planned = requests.planned(&placement.offsets);
    let Ok(written) = model.with_plan(&planned.offsets_of_tensors()) else {
        return;
    };
    let again = Model::parse(&written).expect("what is written can be read");
    let read = again.requests(None, Plan::Kept).expect("a sound plan");
    // Where a shared table is a tensor of another kind too, it may not be planned.
    assert_eq!(read.all(), planned.all());
    assert!(again.has_plan());
    assert!(written.len() <= 2 * bytes.len() + 4 * again.tensors() + 512);
}

/// The offsets of the requests of some bytes, which are jobs.
fn with_bytes(requests: &Requests, offsets: Vec<u64>) -> Vec<u64> {
    let all = requests.all().iter().zip(offsets);
    all.filter(|(request, _)| request.size > 0)
        .map(|(_, offset)| offset)
        .collect()
}
