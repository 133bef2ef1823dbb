//! int8 graphs: what is written and what is refused; models read back as layers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use tract_onnx::pb::tensor_proto::DataType;
use ushydra_onnx::{Conv2d, ConvScales, ConvTranspose2d, Graph, Network, OnnxError, Operation, Pool2d, Storage, Value};

#[test]
fn integers_are_kept_apart_from_floats() {
    struct Case {
        name: &'static str,
        build: fn(&mut Graph, Value) -> Result<Value, OnnxError>,
        says: &'static str,
    }
    let cases = [
        Case {
            name: "int8 into a float operator",
            build: |g, x| {
                let q = g.quantise(x, 0.1)?;
                g.add(q, q)
            },
            says: "`Add` needs elements of type f32, found i8",
        },
        Case {
            name: "mixed",
            build: |g, x| {
                let q = g.quantise(x, 0.1)?;
                g.concat(&[q, x], 1)
            },
            says: "`Concat` needs elements of type i8, found f32",
        },
        Case { name: "float into an int8 operator", build: |g, x| g.dequantise(x, 0.1), says: "DequantizeLinear" },
        Case { name: "scale of 0", build: |g, x| g.quantise(x, 0.0), says: "scale is 0" },
        Case { name: "scale that is no number", build: |g, x| g.quantise(x, f32::NAN), says: "scale is NaN" },
        Case {
            name: "scales of too few channels",
            build: |g, x| {
                let q = g.quantise(x, 0.1)?;
                let (w, b) = (g.int8_weight("w", &[3, 2, 1, 1], &[1; 6])?, g.int32_weight("b", &[3], &[0; 3])?);
                g.qlinear_conv(q, w, b, ConvScales { input: 0.1, kernel: &[0.1, 0.2], output: 0.1 }, Conv2d::default())
            },
            says: "1 kernel scale or one per channel",
        },
        Case {
            name: "scales along the wrong axis",
            build: |g, _| {
                let w = g.int8_weight("w", &[3, 2], &[1; 6])?;
                g.dequantise_weight("w", w, &[0.1; 3], 1)
            },
            says: "one scale per entry of the axis",
        },
        Case { name: "int8 of another length", build: |g, _| g.int8_weight("w", &[3], &[1; 2]), says: "needs 3" },
    ];
    for case in cases {
        let mut graph = Graph::new("test");
        let x = graph.input("x", &[1, 2, 4, 4]).unwrap();
        let error = (case.build)(&mut graph, x).unwrap_err().to_string();
        assert!(error.contains(case.says), "{}: {error}", case.name);
    }
    let mut graph = Graph::new("test");
    let x = graph.input("x", &[1, 2]).unwrap();
    let q = graph.quantise(x, 0.1).unwrap();
    let error = graph.output("y", q).unwrap_err().to_string();
    assert!(error.contains("`output` needs elements of type f32"), "{error}");
}

#[test]
fn zero_points_are_there_and_shared() {
    let mut graph = Graph::new("test").with_storage(Storage::F16);
    let x = graph.input("x", &[1, 2, 4, 4]).unwrap();
    let q = graph.quantise(x, 0.1).unwrap();
    let kernel = graph.int8_weight("k", &[3, 2, 3, 3], &[1; 54]).unwrap();
    let bias = graph.int32_weight("b", &[3], &[7; 3]).unwrap();
    let padded = Conv2d { padding: [1, 1], ..Conv2d::default() };
    for scales in [&[0.5][..], &[0.1, 0.2, 0.3]] {
        let scales = ConvScales { input: 0.1, kernel: scales, output: 0.2 };
        let y = graph.qlinear_conv(q, kernel, bias, scales, padded).unwrap();
        assert_eq!(graph.shape(y).unwrap(), [1, 3, 4, 4]);
        let y = graph.relu(y).unwrap();
        let y = graph.dequantise(y, 0.2).unwrap();
        graph.output(&format!("y{}", scales.kernel.len()), y).unwrap();
    }
    let model = graph.to_model().unwrap();
    let graph = model.graph.unwrap();
    let zeros = graph.initializer.iter().filter(|t| t.name.starts_with("zero")).collect::<Vec<_>>();
    assert_eq!(zeros.iter().map(|t| t.dims.clone()).collect::<Vec<_>>(), [vec![], vec![3]]);
    assert!(zeros.iter().all(|t| t.data_type == i32::from(DataType::Int8) && t.raw_data.iter().all(|b| *b == 0)));
    // Scales are never narrowed.
    let half = i32::from(DataType::Float16);
    assert!(graph.initializer.iter().all(|t| t.data_type != half));
    assert!(graph.node.iter().filter(|n| n.op_type.ends_with("eLinear")).all(|n| n.input.len() == 3));
}

/// A decoder with every layer kind, stored as `storage`.
fn decoder(storage: Storage) -> Graph {
    let mut graph = Graph::new("decoder").with_storage(storage);
    graph.documentation("text");
    graph.metadata("labels", "head");
    let (skip, deep) = (graph.input("skip", &[1, 2, 4, 4]).unwrap(), graph.input("deep", &[1, 3, 2, 2]).unwrap());
    let numbers = |count: usize| (0..count).map(|i| i as f32 / 8.0 - 2.0).collect::<Vec<f32>>();
    let up = graph.weight("up.weight", &[3, 2, 2, 2], &numbers(24)).unwrap();
    let shift = graph.weight("up.bias", &[2], &[0.5, -0.5]).unwrap();
    let tiles = ConvTranspose2d { stride: [2, 2], ..ConvTranspose2d::default() };
    let raised = graph.conv_transpose(deep, up, Some(shift), tiles).unwrap();
    let joined = graph.concat(&[skip, raised], 1).unwrap();
    let kernel = graph.weight("conv.weight", &[2, 4, 3, 3], &numbers(72)).unwrap();
    let x = graph.conv(joined, kernel, None, Conv2d { padding: [1, 1], ..Conv2d::default() }).unwrap();
    let x = graph.relu(x).unwrap();
    let x = graph.max_pool(x, Pool2d { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }).unwrap();
    graph.output("logits", x).unwrap();
    graph
}

#[test]
fn a_model_is_read_back_as_its_layers() {
    for storage in [Storage::F32, Storage::F16] {
        let bytes = decoder(storage).to_bytes().unwrap();
        let network = Network::read(&bytes).unwrap();
        let names: Vec<&str> = network.layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["up", "/Concat", "conv", "/Relu", "/MaxPool"]);
        assert_eq!(network.layers[0].operation.weights().unwrap().bias, [0.5, -0.5]);
        assert_eq!(network.layers[2].operation.weights().unwrap().bias, [0.0, 0.0]);
        let again = network.graph(storage, &network.outputs).unwrap().to_bytes().unwrap();
        assert_eq!(Network::read(&again).unwrap().layers, network.layers, "written and read once more");
    }
    let mut graph = Graph::new("head");
    let x = graph.input("features", &[1, 3]).unwrap();
    let (w, b) =
        (graph.weight("fc.weight", &[3, 2], &[1.0; 6]).unwrap(), graph.weight("fc.bias", &[2], &[1.0, 2.0]).unwrap());
    let y = graph.linear(x, w, Some(b)).unwrap();
    let transposed = graph.weight("last.weight", &[4, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap();
    let y = graph.gemm(y, transposed, None, false, true).unwrap();
    graph.output("logits", y).unwrap();
    let network = Network::read(&graph.to_bytes().unwrap()).unwrap();
    let [Operation::Linear(first), Operation::Linear(last)] = [0, 1].map(|i| network.layers[i].operation.clone())
    else {
        panic!("{network:?}")
    };
    assert_eq!((first.bias, last.shape), (vec![1.0, 2.0], vec![2, 4]));
    assert_eq!(last.values, [1.0, 3.0, 5.0, 7.0, 2.0, 4.0, 6.0, 8.0]);
}

#[test]
fn what_is_not_known_is_named() {
    struct Case {
        build: fn(&mut Graph, Value) -> Result<Value, OnnxError>,
        says: &'static str,
    }
    let cases = [
        Case { build: |g, x| g.sigmoid(x), says: "(Sigmoid): the operator is not known" },
        Case {
            build: |g, x| {
                let y = g.relu(x)?;
                g.add(y, x)
            },
            says: "only the bias of a fully connected layer",
        },
        Case {
            build: |g, x| {
                let w = g.weight("w", &[2, 1, 1, 1], &[1.0; 2])?;
                g.conv(x, w, None, Conv2d { groups: 2, ..Conv2d::default() })
            },
            says: "groups, dilations",
        },
        Case {
            build: |g, x| {
                let w = g.weight("w", &[2, 2, 3, 3], &[1.0; 36])?;
                g.conv_transpose(x, w, None, ConvTranspose2d { stride: [2, 2], ..ConvTranspose2d::default() })
            },
            says: "tile the output",
        },
    ];
    for case in cases {
        let mut graph = Graph::new("test");
        let x = graph.input("x", &[1, 2, 4, 4]).unwrap();
        let y = (case.build)(&mut graph, x).unwrap();
        graph.output("y", y).unwrap();
        let error = Network::read(&graph.to_bytes().unwrap()).unwrap_err().to_string();
        assert!(error.contains(case.says), "{error}");
    }
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_or_read(place in 0_usize..2000, byte in any::<u8>(), length in 0_usize..2000) {
        let mut bytes = decoder(Storage::F32).to_bytes().unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        // Whatever comes of it: no panic.
        let _ = Network::read(&bytes).map(|network| network.graph(Storage::F32, &network.outputs.clone()).map(|_| ()));
        bytes.truncate(length % bytes.len());
        let _ = Network::read(&bytes);
    }
}
