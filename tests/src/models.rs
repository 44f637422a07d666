//! TensorFlow Lite models made for tests: an own writer of flatbuffers, front to back, that
//! shares nothing with what reads them.

/// A tensor; its content, where it is a constant.
#[derive(Clone, Debug, Default)]
pub struct Tensor {
    /// Its dimensions.
    pub shape: Vec<i32>,
    /// As the schema numbers types: 0 is float32, 9 int8.
    pub kind: u8,
    /// What the model holds of it.
    pub content: Vec<u8>,
    /// Whether it is kept from run to run.
    pub is_variable: bool,
}

/// An operator.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// As the schema numbers operators.
    pub code: u32,
    /// Tensors of the subgraph; -1 for none.
    pub inputs: Vec<i32>,
    /// Tensors of the subgraph.
    pub outputs: Vec<i32>,
    /// The subgraphs of IF, WHILE or CALL_ONCE.
    pub calls: Vec<u32>,
}

/// A subgraph.
#[derive(Clone, Debug, Default)]
pub struct Subgraph {
    /// Tensors, by number.
    pub tensors: Vec<Tensor>,
    /// Numbers of tensors.
    pub inputs: Vec<i32>,
    /// Numbers of tensors.
    pub outputs: Vec<i32>,
    /// In the order in which they run.
    pub operators: Vec<Operator>,
}

/// A model.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The first is where it begins.
    pub subgraphs: Vec<Subgraph>,
    /// Names and contents.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// How often the last subgraph is listed again, without a copy of it.
    pub repeats: usize,
}

impl Subgraph {
    /// Adds a tensor of so many bytes, of type int8, and gives its number.
    pub fn bytes(&mut self, bytes: i32) -> i32 {
        self.tensors.push(Tensor {
            shape: vec![1, bytes],
            kind: 9,
            ..Tensor::default()
        });
        self.tensors.len() as i32 - 1
    }

    /// Adds an operator.
    pub fn operator(&mut self, code: u32, inputs: &[i32], outputs: &[i32]) {
        self.operators.push(Operator {
            code,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            calls: Vec::new(),
        });
    }
}

/// A part of a flatbuffer. Zeros and empty vectors of a table are left out.
enum Part {
    Byte(u8),
    Word(u32),
    Table(Vec<Part>),
    Tables(Vec<Part>),
    /// The last of which is listed so often again.
    Repeated(Vec<Part>, usize),
    Words(Vec<i32>),
    /// With the alignment of the first byte.
    Bytes(Vec<u8>, usize),
}

impl Model {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut codes: Vec<u32> = Vec::new();
        let operators = self.subgraphs.iter().flat_map(|graph| &graph.operators);
        for operator in operators {
            if !codes.contains(&operator.code) {
                codes.push(operator.code);
            }
        }
        let mut buffers = vec![Part::Table(Vec::new())];
        let subgraphs = self.subgraphs.iter();
        let subgraphs = subgraphs.map(|graph| subgraph(graph, &codes, &mut buffers));
        let subgraphs = subgraphs.collect();
        let mut metadata = Vec::new();
        for (name, content) in &self.metadata {
            let number = buffers.len() as u32;
            buffers.push(buffer(content));
            let name = Part::Bytes(name.clone().into_bytes(), 4);
            metadata.push(Part::Table(vec![name, Part::Word(number)]));
        }
        let code = |&code: &u32| {
            let old = Part::Byte(code.min(127) as u8);
            let none = || Part::Bytes(Vec::new(), 4);
            Part::Table(vec![old, none(), Part::Word(1), Part::Word(code)])
        };
        let root = Part::Table(vec![
            Part::Word(3),
            Part::Tables(codes.iter().map(code).collect()),
            Part::Repeated(subgraphs, self.repeats),
            Part::Bytes(b"for a test".to_vec(), 4),
            Part::Tables(buffers),
            Part::Words(Vec::new()),
            Part::Tables(metadata),
        ]);
        let mut file = [&[0; 4], b"TFL3".as_slice()].concat();
        write(&mut file, 0, &root);
        file
    }
}

fn buffer(content: &[u8]) -> Part {
    Part::Table(vec![Part::Bytes(content.to_vec(), 16)])
}

fn subgraph(graph: &Subgraph, codes: &[u32], buffers: &mut Vec<Part>) -> Part {
    let mut tensors = Vec::new();
    for (number, tensor) in graph.tensors.iter().enumerate() {
        let mut place = 0;
        if !tensor.content.is_empty() {
            place = buffers.len() as u32;
            buffers.push(buffer(&tensor.content));
        }
        tensors.push(Part::Table(vec![
            Part::Words(tensor.shape.clone()),
            Part::Byte(tensor.kind),
            Part::Word(place),
            Part::Bytes(format!("tensor {number}").into_bytes(), 4),
            Part::Words(Vec::new()),
            Part::Byte(tensor.is_variable.into()),
        ]));
    }
    let operator = |operator: &Operator| {
        let code = codes.iter().position(|&code| code == operator.code);
        let options = operator.calls.iter().map(|&call| Part::Word(call));
        Part::Table(vec![
            Part::Word(code.expect("the code is listed") as u32),
            Part::Words(operator.inputs.clone()),
            Part::Words(operator.outputs.clone()),
            Part::Byte(if operator.calls.is_empty() { 0 } else { 92 }),
            if operator.calls.is_empty() {
                Part::Words(Vec::new())
            } else {
                Part::Table(options.collect())
            },
        ])
    };
    Part::Table(vec![
        Part::Tables(tensors),
        Part::Words(graph.inputs.clone()),
        Part::Words(graph.outputs.clone()),
        Part::Tables(graph.operators.iter().map(operator).collect()),
    ])
}

/// Adds a part that the offset at a position refers to.
fn write(file: &mut Vec<u8>, referred_from: usize, part: &Part) {
    match part {
        Part::Byte(_) | Part::Word(_) => unreachable!("numbers lie in their table"),
        Part::Table(fields) => table(file, referred_from, fields),
        Part::Tables(all) => tables(file, referred_from, all, 0),
        Part::Repeated(all, repeats) => tables(file, referred_from, all, *repeats),
        Part::Words(words) => {
            vector(file, referred_from, words.len(), 4);
            file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        Part::Bytes(bytes, alignment) => {
            vector(file, referred_from, bytes.len(), *alignment);
            file.extend(bytes);
            file.push(0);
        }
    }
}

fn tables(file: &mut Vec<u8>, referred_from: usize, tables: &[Part], repeats: usize) {
    let length = tables.len() + repeats;
    let first = vector(file, referred_from, length, 4);
    file.resize(first + 4 * length, 0);
    let mut last = first;
    for (place, table) in tables.iter().enumerate() {
        let slot = first + 4 * place;
        write(file, slot, table);
        let offset: [u8; 4] = file[slot..slot + 4].try_into().expect("four bytes");
        last = slot + u32::from_le_bytes(offset) as usize;
    }
    for place in tables.len()..length {
        refer(file, first + 4 * place, last);
    }
}

fn refer(file: &mut [u8], from: usize, to: usize) {
    file[from..from + 4].copy_from_slice(&((to - from) as u32).to_le_bytes());
}

/// Begins a vector; gives the position of its first element.
fn vector(file: &mut Vec<u8>, referred_from: usize, length: usize, alignment: usize) -> usize {
    let first = (file.len() + 4).next_multiple_of(alignment.max(4));
    file.resize(first - 4, 0);
    refer(file, referred_from, first - 4);
    file.extend((length as u32).to_le_bytes());
    first
}

fn table(file: &mut Vec<u8>, referred_from: usize, fields: &[Part]) {
    let is_there = |field: &Part| match field {
        Part::Byte(value) => *value != 0,
        Part::Word(value) => *value != 0,
        Part::Table(_) => true,
        Part::Tables(parts) | Part::Repeated(parts, _) => !parts.is_empty(),
        Part::Words(words) => !words.is_empty(),
        Part::Bytes(bytes, _) => !bytes.is_empty(),
    };
    let vtable = file.len().next_multiple_of(4);
    let at = (vtable + 4 + 2 * fields.len()).next_multiple_of(4);
    let present = fields.iter().filter(|field| is_there(field)).count();
    file.resize(at + 4 + 4 * present, 0);
    refer(file, referred_from, at);
    let mut half = |at: usize, value: usize| {
        file[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
    };
    half(vtable, 4 + 2 * fields.len());
    half(vtable + 2, 4 + 4 * present);
    let mut slot = 4;
    for (place, field) in fields.iter().enumerate() {
        if is_there(field) {
            half(vtable + 4 + 2 * place, slot);
            slot += 4;
        }
    }
    file[at..at + 4].copy_from_slice(&((at - vtable) as u32).to_le_bytes());
    let slots = fields.iter().filter(|field| is_there(field));
    for (place, field) in slots.enumerate() {
        let slot = at + 4 + 4 * place;
        match field {
            Part::Byte(value) => file[slot] = *value,
            Part::Word(value) => file[slot..slot + 4].copy_from_slice(&value.to_le_bytes()),
            part => write(file, slot, part),
        }
    }
}
