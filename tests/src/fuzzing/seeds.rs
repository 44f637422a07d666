//! Small inputs to begin with.

use std::io::{Read as _, Write as _};

use common::format::Format;
use common::row::Row;
use common::trace::Writer;
use common::trace::wire::{Block, Call};
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::report::first_byte;
use crate::models::{Model, Subgraph};

const CSV: [&str; 5] = [
    "id,lower,upper,size\n0,0,3,4\n1,2,5,4\n2,3,6,2\n",
    "buffer_id,start,end,size,offset\r\na,0,3,4,0\r\nb,2,5,4,4\r\n",
    "\u{feff}id,begin,upper,size,alignment,gaps,hint,group,heap,requested,offset,note\n\
     0,0,9,8,4,2-3 5-7@0:4,16,,0,7,,\"a, b\"\n\
     x y,1,4,2,1,,-1,g,4096,2,-1,\n\"q\"\"\n\",2,6,2,1,,,g,4096,1,12,z\n",
    "# pool_offset=64\r\n\n#;\"\nID; Lower;UPPER;size;kind\n\"#a\";0;1e1;6.40E+1;w\n# b\n \n7;0.0;3;4;\"#,\"",
    "size,offset,upper,lower,id\n16,0,10,0,0\n16,16,10,5,1\n8,0,20,10,2\n",
];

const IOPDDL: [&str; 3] = [
    r#"{"problem": {"name": "example", "nodes": {"intervals": [[30, 70], [40, 50], [60, 60]],
       "costs": [[15, 55], [1], [2]], "usages": [[10, 25], [7], [0]]},
       "edges": {"nodes": [[0, 1]], "costs": [[1.5e3, -2]]}, "usage_limit": 50}}"#,
    r#"{"nodes": {"usages": [[1]], "intervals": [[0, 9223372036854775807]]}}"#,
    "{}",
];

pub(super) const ASSIGNMENT: &str = "BufferAssignment:\n\
allocation 0: size 64, parameter 0, shape |f32[16]| at ShapeIndex {}:\n \
value: <0 p @0> (size=64,offset=0): f32[16]{0}\n\
allocation 1: size 192, preallocated-temp:\n \
value: <3 dot.1 @0> (size=64,offset=0): f32[16]{0}\n \
value: <4 while.2{1} (phi) @0> (size=64,offset=64): f32[16]{0}\n \
value: <5 add.3{} @0> (size=64,offset=64): f32[16]{0}\n \
value: <6 neg @0> (size=32,offset=64): f32[8]{0}\n \
value: <7 exp @0> (size=64,offset=128): f32[16]{0}\n\n\
Total bytes used: 256 (256B)\n";

const RANGES: &str = "HloLiveRange (max 9):\n  InstructionSequence:\n    0:p\n  BufferLiveRange:\n    \
p{}:0-9\n    dot.1{}:1-3\n    while.2{1}:1-4\n    add.3{}:3-6\n    neg{}:4-7\n    exp{}:2-5\n  \
Live ranges at 3 (peak):\n    dot.1{}: 64 bytes\n";

const MODULE: &str = "HloModule m, is_scheduled=true, input_output_alias={ {1}: (0, {}, may-alias) }, x={a=\"}\"}\n\n\
%fused (q: f32[16], r: f32[4], s: s32[]) -> f32[16] {\n  \
%q = f32[16]{0} parameter(0)\n  %r = f32[4]{0} parameter(1)\n  %s = s32[] parameter(2)\n  \
%b = f32[16]{0} bitcast(%q)\n  \
ROOT %u = f32[16]{0} dynamic-update-slice(f32[16]{0} %b, %r, %s)\n}\n\n\
%body (t: (s32[], f32[16])) -> (s32[], f32[16]) {\n  \
%t = (s32[], /*index=1*/f32[16]{0:T(128)}) parameter(0)\n  \
%i = s32[] get-tuple-element(%t), index=0, metadata={op_name=\"a\\\"(b\"}\n  \
%add.3 = f32[16]{0} fusion(%t#1, %i, %i), kind=kLoop, calls=%fused, backend_config={\"operation_queue_id\":\"0\"}\n  \
ROOT %v = (s32[], f32[16]{0}) tuple(%i, %add.3)\n}\n\n\
%cond (w: (s32[], f32[16])) -> pred[] {\n  \
%w = (s32[], f32[16]{0}) parameter(0)\n  ROOT %neg = pred[] constant(false)\n}\n\n\
%branch (y: f32[16]) -> f32[16] {\n  ROOT %y = f32[16]{0} parameter(0)\n}\n\n\
ENTRY %main (p: f32[16]) -> (f32[16], f32[16]) {\n  \
%p = f32[16]{0} parameter(0)\n  %c = f32[4]{0} constant({1, 2, 3, 4})\n  %o = s32[] constant(0)\n  \
%dot.1 = f32[16]{0} copy(%p)\n  %n = (s32[], f32[16]{0}) tuple(%o, %dot.1)\n  \
%while.2 = (s32[], f32[16]{0}) while(%n), condition=%cond, body=%body\n  \
%e = f32[16]{0} get-tuple-element(%while.2), index=1\n  \
%exp = f32[16]{0} conditional(%o, %e, %p), branch_computations={%branch, %branch}\n  \
%z = (f32[16]{0}, f32[8]{0}) custom-call(%exp), custom_call_target=\"k\", output_to_operand_aliasing={{0}: (0, {})}\n  \
%g = (f32[16]{0}, f32[64]{0}) all-gather-start(%exp), dimensions={0}\n  \
%h = f32[64]{0} all-gather-done(%g)\n  \
ROOT %k = (f32[16]{0}, f32[16]{0}) tuple(%e, %exp)\n}\n";

/// Bytes of no format.
pub(super) fn noise() -> Vec<Vec<u8>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(8);
    [16usize, 64, 150, 400]
        .into_iter()
        .map(|length| (0..length).map(|_| random.random()).collect())
        .collect()
}

pub(super) fn traces() -> Vec<Vec<u8>> {
    let block = |pointer, usable| Block {
        pointer,
        usable,
        thread: 7,
        mapping_base: 0x1000,
    };
    let malloc = |requested, pointer| Call::Malloc {
        requested,
        block: block(pointer, 24),
    };
    let calls = [
        malloc(20, 0x1010),
        Call::Calloc {
            count: 3,
            element_size: 8,
            block: block(0x1030, 24),
        },
        Call::Free {
            pointer: 0x1010,
            thread: 8,
        },
        Call::Realloc {
            old: 0x1030,
            requested: 40,
            block: block(0x1010, 40),
        },
        Call::AlignedAlloc {
            alignment: 64,
            requested: 64,
            block: block(0x1040, 72),
        },
        Call::Memalign {
            alignment: 24,
            requested: 1,
            block: block(0x1100, 24),
        },
        Call::PosixMemalign {
            slot: 0x7fff,
            alignment: 16,
            requested: 0,
            block: block(0x1200, 24),
        },
        malloc(20, 0x1018),
    ];
    let mut writer = Writer::new(Vec::new());
    for call in &calls {
        writer.write(call).expect("memory takes all");
    }
    let whole = writer.finish().expect("memory takes all");
    let with_holes = [&whole[..41], &[0; 17], &whole[41..200], &[0; 3]].concat();
    vec![whole, with_holes]
}

pub(super) fn plc() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for offset in [Some(0), Some(4096), None] {
        let mut rows = Vec::new();
        for id in 0..3 {
            let mut job = common::job::Job::new(id, 2 * id, 2 * id + 3, 16 + id);
            job.alignment = 1 << id;
            rows.push(Row {
                job,
                offset: offset.map(|offset| offset + 16 * id),
                place: common::error::Place::Byte(0),
                unknown: Vec::new(),
            });
        }
        files.push(super::tables::write_plc(&rows));
    }
    files
}

pub(super) fn csv() -> Vec<Vec<u8>> {
    CSV.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub(super) fn iopddl() -> Vec<Vec<u8>> {
    IOPDDL.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub(super) fn xla() -> Vec<Vec<u8>> {
    let explicit = MODULE.replace("%t#1", "%i");
    [MODULE, &explicit]
        .map(|module| {
            [ASSIGNMENT, "\0", RANGES, "\0", module]
                .concat()
                .into_bytes()
        })
        .to_vec()
}

/// Modules as text, and protocol buffers: small ones that XLA wrote.
pub(super) fn hlo() -> Vec<Vec<u8>> {
    let mut seeds = vec![MODULE.as_bytes().to_vec()];
    let samples = crate::workspace().join("tests/samples");
    for name in ["branches.hlo.pb.gz", "branches.txt.gz"] {
        let mut unpacked = Vec::new();
        let mut packed = common::format::open(&samples.join(name)).expect("a sample");
        packed.read_to_end(&mut unpacked).expect("a sound sample");
        seeds.push(unpacked);
    }
    seeds
}

/// A chain with scratch buffers; a loop, a variable and a plan.
pub(super) fn tflite() -> Vec<Vec<u8>> {
    let mut chain = Subgraph::default();
    let [a, b, c] = [48, 100, 16].map(|bytes| chain.bytes(bytes));
    (chain.inputs, chain.outputs) = (vec![a], vec![c]);
    chain.operator(40, &[a, -1], &[b]);
    chain.operator(0, &[b, b], &[c]);
    let mut main = chain.clone();
    main.operators[1].code = 119;
    main.operators[1].calls = vec![1, 2];
    main.tensors[1].is_variable = true;
    let words = [0, 3, 9, 0, -1, 64, -1, -1, -1, -1, -1, -1i32];
    let plan: Vec<u8> = words.into_iter().flat_map(i32::to_le_bytes).collect();
    let looped = Model {
        subgraphs: vec![main, chain.clone(), chain.clone()],
        metadata: vec![
            ("other".to_owned(), vec![1; 5]),
            ("OfflineMemoryAllocation".to_owned(), plan),
        ],
        repeats: 0,
    };
    let plain = Model {
        subgraphs: vec![chain],
        ..Model::default()
    };
    let log = b"0 (id=0): size=48, offset=0, first_used=0 last_used=1
\
                1 (id=1): size=112, offset=48, first_used=1 last_used=2
";
    vec![plain.to_bytes(), looped.to_bytes(), log.to_vec()]
}

pub(super) fn packed() -> Vec<Vec<u8>> {
    let text = CSV[0].as_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).expect("memory takes all");
    let mut seeds = vec![
        gzip.finish().expect("memory takes all"),
        zstd::encode_all(text, 1).expect("memory takes all"),
        text.to_vec(),
    ];
    seeds.extend(traces());
    seeds
}

/// Files of any format, behind the two bytes that say which and how.
pub(super) fn selected() -> Vec<Vec<u8>> {
    let files = [
        (Format::Csv, csv()),
        (Format::Plc, plc()),
        (Format::Trc, traces()),
        (Format::Iopddl, iopddl()),
    ];
    let mut seeds = Vec::new();
    for (format, files) in files {
        for (how, file) in (0u8..).zip(files) {
            seeds.push([&[first_byte(format), how], &file[..]].concat());
        }
    }
    seeds
}

/// Dumps of IREE's: a function printed twice, an initializer, constants of all kinds.
pub(super) fn iree() -> Vec<Vec<u8>> {
    let one = "// -----// IR Dump Before LayoutSlicesPass: iree-stream-layout-slices //----- //\n\
        util.func public @f(%arg0: !hal.buffer_view) {\n  %c64_1 = arith.constant 100 : index\n  \
        %9:3 = stream.resource.pack on(#hal.device.affinity<@d>) slices({\n    [0, 2] = %c64_1,\n    \
        [1, 4] = %c0,\n    [2, 3] = %c4096\n  }) : index\n}\n";
    let initializer = one.replace(
        "util.func public @f(%arg0: !hal.buffer_view)",
        "util.initializer",
    );
    let aligned =
        "min_buffer_offset_alignment = 256\n%1 = stream.resource.pack slices({[0, 0] = %c1})";
    [
        one.to_owned(),
        format!("{one}{one}{initializer}"),
        aligned.to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// The JSON of ExecuTorch's buffers.
pub(super) fn executorch() -> Vec<Vec<u8>> {
    let one = r#"{"format": "executorch-buffers-v1", "arenas": [{"graph": 1, "mem_id": 1, "alignment": 16,
        "buffers": [{"id": 0, "size": 16, "first": 0, "last": 3, "name": "x, y", "offset": 32},
        {"id": 7, "size": 0, "first": 0, "last": 3}]}]}"#;
    let two = r#"{"format": "executorch-buffers-v1", "arenas": [{"mem_id": 1, "alignment": 1, "buffers":
        []}, {"mem_id": 3, "alignment": 4, "buffers": [{"id": 0, "size": 9223372036854775806, "first": 0, "last":
        9223372036854775806, "offset": null, "more": {}}]}]}"#;
    [one, two].map(|text| text.as_bytes().to_vec()).to_vec()
}
