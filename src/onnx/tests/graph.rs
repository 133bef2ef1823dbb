//! The builder: shapes, refusals, names, storage, files.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use half::f16;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::{Framework as _, InferenceModelExt as _};
use ushydra_onnx::vit::{self, Tap, VitConfig, VitWeights};
use ushydra_onnx::{Conv2d, ConvTranspose2d, Graph, OnnxError, Pool2d, ResizeMode, Storage, Value};

type Build = fn(&mut Graph) -> Result<Value, OnnxError>;

fn tensor(graph: &mut Graph, shape: &[usize]) -> Result<Value, OnnxError> {
    graph.weight("constant", shape, &vec![0.5; shape.iter().product()])
}

fn graph_of(model: &ModelProto) -> &GraphProto {
    model.graph.as_ref().unwrap()
}

#[test]
fn operators_infer_the_shapes_that_tract_infers() {
    struct Case {
        name: &'static str,
        input: &'static [usize],
        build: fn(&mut Graph, Value) -> Result<Value, OnnxError>,
        shape: &'static [usize],
    }
    let cases = [
        Case {
            name: "broadcast",
            input: &[2, 1, 4],
            build: |g, x| {
                let y = tensor(g, &[3, 1])?;
                g.add(x, y)
            },
            shape: &[2, 3, 4],
        },
        Case {
            name: "matmul",
            input: &[6, 5, 4],
            build: |g, x| {
                let y = tensor(g, &[4, 3])?;
                g.matmul(x, y)
            },
            shape: &[6, 5, 3],
        },
        Case {
            name: "gemm",
            input: &[4, 5],
            build: |g, x| {
                let y = tensor(g, &[3, 4])?;
                g.gemm(x, y, None, true, true)
            },
            shape: &[5, 3],
        },
        Case {
            name: "conv",
            input: &[1, 4, 9, 8],
            build: |g, x| {
                let y = tensor(g, &[6, 2, 3, 3])?;
                let parameters = Conv2d { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 };
                g.conv(x, y, None, parameters)
            },
            shape: &[1, 6, 5, 4],
        },
        Case {
            name: "conv_transpose",
            input: &[1, 4, 5, 6],
            build: |g, x| {
                let y = tensor(g, &[4, 3, 2, 2])?;
                g.conv_transpose(x, y, None, ConvTranspose2d { stride: [2, 2], ..ConvTranspose2d::default() })
            },
            shape: &[1, 3, 10, 12],
        },
        Case {
            name: "max_pool",
            input: &[1, 2, 7, 8],
            build: |g, x| g.max_pool(x, Pool2d { kernel: [3, 2], stride: [2, 2], padding: [1, 0] }),
            shape: &[1, 2, 4, 4],
        },
        Case {
            name: "resize",
            input: &[1, 2, 3, 4],
            build: |g, x| g.resize(x, [2, 3], ResizeMode::Bilinear),
            shape: &[1, 2, 6, 12],
        },
        Case { name: "reduce", input: &[2, 3, 4], build: |g, x| g.reduce_mean(x, &[-1, 0], false), shape: &[3] },
        Case { name: "deviation", input: &[5, 3], build: |g, x| g.standard_deviation(x, &[0], true), shape: &[1, 3] },
        Case { name: "transpose", input: &[2, 3, 4], build: |g, x| g.transpose(x, &[2, 0, 1]), shape: &[4, 2, 3] },
        Case { name: "reshape", input: &[2, 3, 4], build: |g, x| g.reshape(x, &[6, 4]), shape: &[6, 4] },
        Case { name: "slice", input: &[2, 9], build: |g, x| g.slice(x, -1, 3, 7), shape: &[2, 4] },
        Case { name: "gather", input: &[2, 9], build: |g, x| g.gather(x, &[8, 0, 8], 1), shape: &[2, 3] },
        Case { name: "concat", input: &[2, 9], build: |g, x| g.concat(&[x, x], 0), shape: &[4, 9] },
        Case { name: "gelu", input: &[2, 3], build: |g, x| g.gelu(x), shape: &[2, 3] },
        Case { name: "softmax", input: &[2, 3], build: |g, x| g.softmax(x, 0), shape: &[2, 3] },
    ];
    for case in cases {
        let mut graph = Graph::new(case.name);
        let x = graph.input("x", case.input).unwrap();
        let y = (case.build)(&mut graph, x).unwrap();
        assert_eq!(graph.shape(y).unwrap(), case.shape, "{}", case.name);
        graph.output("y", y).unwrap();
        let model = graph.to_model().unwrap();
        let onnx = tract_onnx::onnx().with_ignore_output_shapes(true);
        let typed = onnx.model_for_proto_model(&model).unwrap().into_typed().unwrap();
        assert_eq!(typed.output_fact(0).unwrap().shape.as_concrete().unwrap(), case.shape, "{} in tract", case.name);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_cause() {
    struct Case {
        build: Build,
        says: &'static str,
    }
    let cases = [
        Case { build: |g| g.weight("w", &[2, 3], &[0.0; 5]), says: "`w` has 5 elements, its shape [2, 3] needs 6" },
        Case { build: |g| g.weight("w", &[2], &[0.0, f32::NAN]), says: "NaN at element 1" },
        Case { build: |g| g.input("x", &[0]), says: "dimension 0 of `x`" },
        Case { build: |g| g.input("", &[1]), says: "empty or already used" },
        Case {
            build: |g| {
                g.input("x", &[1])?;
                g.input("x", &[1])
            },
            says: "`x` is empty or already used",
        },
        Case {
            build: |g| {
                let (a, b) = (tensor(g, &[2, 3])?, tensor(g, &[4, 5])?);
                g.matmul(a, b)
            },
            says: "columns of the left",
        },
        Case {
            build: |g| {
                let (a, b) = (tensor(g, &[2, 3])?, tensor(g, &[2])?);
                g.add(a, b)
            },
            says: "sizes must be equal or 1",
        },
        Case {
            build: |g| {
                let x = tensor(g, &[2, 3])?;
                g.slice(x, 1, 2, 4)
            },
            says: "2..4",
        },
        Case {
            build: |g| {
                let x = tensor(g, &[2, 3])?;
                g.softmax(x, 2)
            },
            says: "axis is 2",
        },
        Case {
            build: |g| {
                let x = tensor(g, &[2, 3])?;
                g.transpose(x, &[0, 0])
            },
            says: "each of 0 to 1 once",
        },
        Case {
            build: |g| {
                let (x, k) = (tensor(g, &[1, 2, 2, 2])?, tensor(g, &[1, 2, 5, 5])?);
                g.conv(x, k, None, Conv2d::default())
            },
            says: "window is larger",
        },
        Case {
            build: |g| {
                let mut other = Graph::new("other");
                let x = tensor(&mut other, &[1])?;
                g.relu(x)
            },
            says: "another graph",
        },
    ];
    for case in cases {
        let error = (case.build)(&mut Graph::new("bad")).unwrap_err().to_string();
        assert!(error.contains(case.says), "\"{error}\" does not say \"{}\"", case.says);
    }
}

#[test]
fn only_matrices_are_stored_as_f16() {
    let mut graph = Graph::new("stored").with_storage(Storage::F16);
    let x = graph.input("x", &[1, 2]).unwrap();
    let weight = graph.weight("w", &[2, 2], &[0.1, 0.2, 0.3, 0.4]).unwrap();
    let bias = graph.weight("b", &[2], &[0.1, 0.2]).unwrap();
    let y = graph.linear(x, weight, Some(bias)).unwrap();
    graph.output("y", y).unwrap();
    let model = graph.to_model().unwrap();
    let kinds = graph_of(&model).initializer.iter().map(|t| (t.name.as_str(), t.data_type)).collect::<Vec<_>>();
    assert_eq!(kinds, [("w.f16", DataType::Float16 as i32), ("b", DataType::Float as i32)]);
    let stored = &graph_of(&model).initializer[0].raw_data;
    assert_eq!(stored[..2], f16::from_f32(0.1).to_le_bytes());
    let error = graph.weight("large", &[1, 1], &[1e6]).unwrap_err().to_string();
    assert!(error.contains("f16"), "{error}");
}

#[test]
fn inputs_and_weights_may_be_outputs_and_names_stay_unique() {
    let mut graph = Graph::new("through");
    let x = graph.input("x", &[2]).unwrap();
    let twice = graph.scoped("a", |graph| graph.add(x, x)).unwrap();
    let again = graph.scoped("a", |graph| graph.add(x, twice)).unwrap();
    for (name, value) in [("copy", x), ("sum", again), ("same", again)] {
        graph.output(name, value).unwrap();
    }
    let model = graph.to_model().unwrap();
    let mut names = graph_of(&model).node.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    let outputs = graph_of(&model).output.iter().map(|output| output.name.as_str()).collect::<Vec<_>>();
    assert_eq!(outputs, ["copy", "sum", "same"]);
}

#[test]
fn a_graph_needs_inputs_and_outputs_and_a_folder() {
    assert!(matches!(Graph::new("empty").to_bytes(), Err(OnnxError::Incomplete { missing: "input", .. })));
    let mut graph = Graph::new("ends nowhere");
    let x = graph.input("x", &[1]).unwrap();
    assert!(matches!(graph.to_bytes(), Err(OnnxError::Incomplete { missing: "output", .. })));
    graph.output("y", x).unwrap();
    assert_eq!(graph.to_bytes().unwrap(), graph.to_bytes().unwrap());
    let missing = std::path::Path::new("no-such-folder/model.onnx");
    assert!(matches!(graph.save(missing), Err(OnnxError::Write { .. })));
}

#[test]
fn a_transformer_with_wrong_sizes_is_refused() {
    let config = VitConfig { image: 8, patch: 4, channels: 3, width: 8, heads: 2, hidden: 16, epsilon: 1e-6 };
    let tap = Tap { block: 1, norm: true, pool: vit::Pool::Class };
    let refused = |config: VitConfig, taps: &[Tap]| {
        vit::encoder(&config, &VitWeights::default(), taps, Storage::F32).err().unwrap().to_string()
    };
    assert!(refused(VitConfig { image: 9, ..config }, &[tap]).contains("multiple of the patch"));
    assert!(refused(VitConfig { heads: 3, ..config }, &[tap]).contains("multiple of the heads"));
    assert!(refused(config, &[]).contains("at least one"));
    assert!(refused(config, &[tap]).contains("block 1"));
}
