//! A host with toy models, and the ways to a running network.

use std::ops::ControlFlow;

use tensorrt_fake::{Description, Host, Library, Refusal, Session};
use tensorrt_rs::cuda::{Cuda, Memory, Stream};
use tensorrt_rs::{BuildOptions, Built, Context, Engine, Locations, Progress, TensorRt, TensorRtError};

/// Toy models are lines of text: a word and numbers.
///
/// `scale F N`: y = F x of N values, and their sum. `batch F N` is the same with a free batch. `free N` has a free second
/// dimension. `broken` has a node that cannot be read, `overheat` one that cannot be computed.
struct Toy;

fn numbers(onnx: &[u8]) -> (String, Vec<f32>) {
    let text = String::from_utf8_lossy(onnx);
    let mut words = text.split(' ');
    let word = words.next().unwrap_or_default().to_owned();
    (word, words.filter_map(|number| number.parse().ok()).collect())
}

impl Host for Toy {
    fn describe(&self, onnx: &[u8]) -> Result<Description, Refusal> {
        let (word, numbers) = numbers(onnx);
        let with = |x: [i64; 2], sum: [i64; 2]| Description {
            inputs: vec![("x".to_owned(), x.to_vec())],
            outputs: vec![("y".to_owned(), x.to_vec()), ("sum".to_owned(), sum.to_vec())],
        };
        match (word.as_str(), numbers.as_slice()) {
            ("scale" | "overheat", [_, n]) => Ok(with([1, *n as i64], [1, 1])),
            ("batch", [_, n]) => Ok(with([-1, *n as i64], [-1, 1])),
            ("free", _) => Ok(with([1, -1], [1, 1])),
            ("broken", _) => Err(Refusal {
                node: "/block/3/Foo".to_owned(),
                operator: "Foo".to_owned(),
                message: "no importer registered for op: Foo".to_owned(),
            }),
            _ => Err(Refusal { message: "Failed to parse ONNX model".to_owned(), ..Refusal::default() }),
        }
    }

    fn run(&self, onnx: &[u8], inputs: &[(&str, &[f32])], outputs: &mut [(&str, &mut [f32])]) -> Result<(), String> {
        let (word, numbers) = numbers(onnx);
        if word == "overheat" {
            return Err("too hot".to_owned());
        }
        let [(_, x)] = inputs else { return Err("one input".to_owned()) };
        let [(_, y), (_, sum)] = outputs else { return Err("two outputs".to_owned()) };
        for (y, x) in y.iter_mut().zip(*x) {
            *y = numbers[0] * x;
        }
        let row = y.len() / sum.len();
        for (sum, row) in sum.iter_mut().zip(y.chunks(row)) {
            *sum = row.iter().sum();
        }
        Ok(())
    }
}

/// A session with the toy models.
pub(crate) fn begin() -> Session {
    let session = Session::begin();
    session.install(Box::new(Toy));
    session
}

/// Runs a test on every library, with a discrete and with an integrated GPU, and looks for leaks after each.
pub(crate) fn everywhere(test: impl Fn(&Session, Library)) {
    for library in Library::all() {
        for integrated in [false, true] {
            let session = begin();
            session.set_integrated(integrated);
            test(&session, *library);
            assert!(session.live().is_empty(), "{library:?}, integrated {integrated}: {:?}", session.live());
        }
    }
}

pub(crate) fn locations(library: Library) -> Locations {
    Locations::exactly(library.path(), Some(library.parser_path()))
}

pub(crate) fn open(library: Library) -> TensorRt {
    TensorRt::open(&locations(library)).unwrap()
}

pub(crate) fn cuda() -> Cuda {
    Cuda::open_with(&[tensorrt_fake::cuda_path()], 0).unwrap()
}

pub(crate) fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) fn build(tensorrt: &TensorRt, model: &str) -> Result<Built, TensorRtError> {
    tensorrt.build(&BuildOptions::default(), model.as_bytes(), &mut go_on)
}

pub(crate) fn engine(library: Library, model: &str) -> Engine {
    let tensorrt = open(library);
    let built = build(&tensorrt, model).unwrap();
    tensorrt.deserialize(&built.plan, None).unwrap()
}

/// A network with memory, ready to run.
pub(crate) struct Network {
    pub(crate) context: Context,
    pub(crate) x: Memory,
    pub(crate) y: Memory,
    pub(crate) sum: Memory,
}

impl Network {
    /// Of a model whose `x` and `y` have `n` values.
    pub(crate) fn new(cuda: &Cuda, library: Library, model: &str, n: usize) -> Self {
        let mut context = engine(library, model).context().unwrap();
        let memory = |elements: usize| Memory::new(cuda, elements * size_of::<f32>()).unwrap();
        let (x, y, sum) = (memory(n), memory(n), memory(1));
        context.bind("x", &x).unwrap();
        context.bind("y", &y).unwrap();
        context.bind("sum", &sum).unwrap();
        Self { context, x, y, sum }
    }

    /// Sends the input, computes, fetches the outputs; does not wait.
    pub(crate) fn enqueue(&mut self, stream: &Stream) -> Result<(), TensorRtError> {
        self.x.upload(stream)?;
        self.context.enqueue(stream)?;
        self.y.download(stream)?;
        self.sum.download(stream)
    }

    /// `y` and `sum`; waits.
    pub(crate) fn read(&self) -> Result<(Vec<f32>, f32), TensorRtError> {
        let mut y = vec![0.0; self.y.bytes() / size_of::<f32>()];
        self.y.read(&mut y)?;
        let mut sum = [0.0];
        self.sum.read(&mut sum)?;
        Ok((y, sum[0]))
    }
}
