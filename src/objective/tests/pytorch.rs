//! Networks against PyTorch: outputs, loss, gradient and the dense Hessian in double precision, and
//! three steps of training.
//!
//! The expected numbers come from this script. Vectors are in the order of the sorted names, and a
//! block of parameters, statistics or inputs is `sin(seed + k²) / 2` with the sum of its name's
//! bytes as seed.

/*
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
torch.set_default_dtype(torch.float64)

class Mlp(nn.Module):
    def __init__(self, widths, activation, norm=nn.Identity, factor=lambda inputs: 1.0):
        super().__init__()
        self.activation, self.factor = activation, factor
        self.layers = nn.ModuleList(map(nn.Linear, widths, widths[1:]))
        self.norms = nn.ModuleList(map(norm, widths[1:-1]))
    def linear(self, layer, x):
        return F.linear(x, layer.weight * self.factor(layer.in_features), layer.bias)
    def forward(self, x):
        x = x.flatten(1)
        for layer, norm in zip(self.layers, self.norms):
            x = self.activation(norm(self.linear(layer, x)))
        return self.linear(self.layers[-1], x)

class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, activation, norm, is_padded=False):
        super().__init__()
        self.activation, self.padding = activation, (outputs - inputs) // 2 if is_padded else None
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = norm(outputs)
        self.downsample = nn.Identity() if stride == 1 or is_padded else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))
    def forward(self, x):
        y = self.activation(self.bn1(self.conv1(x)))
        if self.padding:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        return self.activation(self.bn2(self.conv2(y)) + self.downsample(x))

class ResNet(nn.Module):
    def __init__(self, activation, norm, stem=(3, 1, 1), is_padded=False):
        super().__init__()
        self.activation = activation
        self.conv1, self.bn1 = nn.Conv2d(2, 2, *stem, bias=False), norm(2)
        self.pool = nn.MaxPool2d(3, 2, 1) if stem[0] == 7 else nn.Identity()
        self.layer1 = nn.Sequential(Block(2, 2, 1, activation, norm))
        self.layer2 = nn.Sequential(Block(2, 4, 2, activation, norm, is_padded))
        self.fc = nn.Linear(4, 3)
    def forward(self, x):
        x = self.pool(self.activation(self.bn1(self.conv1(x))))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))

class Transformer(nn.Module):
    def __init__(self, depth, pool, activation):
        super().__init__()
        self.pool = pool
        self.patch_embed = nn.Linear(8, 4)
        if pool == "class":
            self.class_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.position = nn.Parameter(torch.zeros(1, 4 + (pool == "class"), 4))
        layer = nn.TransformerEncoderLayer(4, 2, 5, 0.0, activation, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(4), nn.Linear(4, 3)
    def forward(self, x):
        x = self.patch_embed(F.unfold(x, 2, stride=2).mT)
        if self.pool == "class":
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], 1)
        x = self.encoder(x + self.position)
        return self.head(self.norm(x[:, 0] if self.pool == "class" else x.mean(1)))

class Text(nn.Module):
    def __init__(self, depth, activation):
        super().__init__()
        self.token_embed = nn.Embedding(3, 4)
        self.position = nn.Parameter(torch.zeros(1, 4, 4))
        layer = nn.TransformerEncoderLayer(4, 2, 5, 0.0, activation, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(4), nn.Linear(4, 3)
    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(4)
        x = self.encoder(self.token_embed(x) + self.position, mask)
        return self.head(self.norm(x)).flatten(0, 1)

def numbers(name, count):
    k = torch.arange(1, count + 1, dtype=torch.float64)
    return torch.sin(sum(name.encode()) + k * k) / 2

def fill(model):
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if not name.endswith("num_batches_tracked"):
            values = numbers(name, tensor.numel()).reshape(tensor.shape)
            tensor.data.copy_(values + name.endswith("running_var"))

def data(image):
    if image is None:
        i = torch.arange(24)
        return ((i * i + i // 5) % 3).reshape(6, 4), i % 3
    return 2 * numbers("inputs", 6 * image[0] * image[1] * image[2]).reshape(6, *image), torch.arange(6) % 3

def report(model, image, training=True):
    fill(model)
    model.train(training)
    x, y = data(image)
    names, parameters = zip(*sorted(model.named_parameters()))
    theta = torch.cat([p.detach().flatten() for p in parameters])
    buffers = dict(model.named_buffers())
    def outputs(theta):
        parts = theta.split([p.numel() for p in parameters])
        state = {n: t.reshape(p.shape) for n, p, t in zip(names, parameters, parts)}
        return functional_call(model, {**state, **{n: b.clone() for n, b in buffers.items()}}, (x,))
    loss = lambda theta: F.cross_entropy(outputs(theta), y)
    g = torch.autograd.functional.jacobian(loss, theta)
    H = torch.autograd.functional.hessian(loss, theta)
    n = len(theta)
    u, v, e = numbers("u", n), numbers("v", n), torch.linalg.eigvalsh(H)
    print(n, outputs(theta)[0].tolist(), [float(number) for number in [
        loss(theta), g.norm(), g @ u, H.trace(), H.norm(), e[0], e[-1], u @ H @ v]])

widths, image = [5, 4, 4, 3], (1, 1, 5)
ntk = lambda inputs: (2 / inputs) ** 0.5
report(Mlp(widths, lambda x: x), image)
report(Mlp(widths, torch.tanh, factor=ntk), image)
report(Mlp(widths, torch.tanh, nn.BatchNorm1d), image, training=False)
report(Mlp(widths, F.gelu, nn.BatchNorm1d), image)
report(Mlp(widths, F.softplus, nn.LayerNorm), image)
report(Mlp(widths, F.relu, nn.BatchNorm1d), image)
image = (2, 5, 5)
report(ResNet(torch.tanh, nn.Identity), image)
report(ResNet(torch.tanh, nn.BatchNorm2d), image, training=False)
report(ResNet(F.softplus, nn.BatchNorm2d), image)
report(ResNet(F.relu, nn.BatchNorm2d), image)
report(ResNet(F.gelu, lambda channels: nn.GroupNorm(2, channels)), image)
report(ResNet(F.gelu, lambda channels: nn.GroupNorm(1, channels)), image)
report(ResNet(F.relu, nn.BatchNorm2d, (7, 2, 3)), (2, 13, 11), training=False)
report(ResNet(F.softplus, nn.BatchNorm2d, (7, 2, 3)), (2, 13, 11))
report(ResNet(F.softplus, nn.BatchNorm2d, is_padded=True), image)
image = (2, 4, 4)
with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
    report(Transformer(2, "class", F.gelu), image)
    report(Transformer(1, "mean", F.relu), image)
    report(Transformer(1, "mean", torch.tanh), image)
    report(Text(2, F.gelu), None)
    report(Text(1, torch.tanh), None)

def train(model, image):
    fill(model)
    x, y = data(image)
    for first, end in [(0, 4), (2, 6), (0, 6)]:
        loss = F.cross_entropy(model(x[first:end]), y[first:end])
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
    def probe(named):
        t = torch.cat([t.detach().flatten() for n, t in sorted(named) if t.dtype == torch.float64])
        return t.norm(), t @ numbers("u", len(t))
    print([float(number) for number in
           [loss.detach(), *probe(model.named_parameters()), *probe(model.named_buffers())]])

train(Mlp(widths, torch.tanh, nn.BatchNorm1d), (1, 1, 5))
train(ResNet(F.gelu, nn.BatchNorm2d), (2, 5, 5))
*/

use super::tiny::{SAMPLES, Tiny, numbers};
use crate::backend::{Compute, Precision, read};
use crate::curvature::Matrix;
use crate::linear::{dot, norm};
use crate::model::{Activation, Init, Normalisation, Pool, Shortcut, Stem};
use crate::params::Parameters;

fn cpu() -> Compute {
    Compute::cpu(Precision::F64)
}

fn close(case: &str, what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(0.1),
        "{case}: {what} {found:.15e} against {expected:.15e}"
    );
}

/// What PyTorch gives for a network.
struct Expected {
    parameters: usize,
    /// Of the first sample.
    outputs: [f64; 3],
    /// The mean loss, the norm of its gradient g, g·u; of its Hessian H the trace, the Frobenius
    /// norm, the smallest and the largest eigenvalue, and u·Hv.
    values: [f64; 8],
}

fn check(case: &str, tiny: &Tiny, expected: &Expected) {
    let n = tiny.values.len();
    assert_eq!(n, expected.parameters, "{case}");
    let parameters = tiny.parameters();
    let whole = tiny.batch(0, SAMPLES);
    let outputs = read(&tiny.objective.evaluate(&parameters, &whole).outputs).unwrap();
    for (found, expected) in outputs.iter().zip(expected.outputs) {
        close(case, "output", *found, expected, 1e-12);
    }
    let [
        loss,
        slope,
        along,
        trace,
        frobenius,
        smallest,
        largest,
        form,
    ] = expected.values;
    close(case, "loss", tiny.loss(&parameters), loss, 1e-12);

    let order = tiny.order_by_name();
    let sorted = |vector: &[f64]| -> Vec<f64> { order.iter().map(|&i| vector[i]).collect() };
    let (u, v) = (numbers("u", n), numbers("v", n));
    let gradient = sorted(&tiny.gradient(&parameters));
    close(case, "gradient", norm(&gradient), slope, 1e-12);
    close(case, "gradient along u", dot(&gradient, &u), along, 1e-12);

    let columns = tiny.dense(Matrix::Hessian);
    let columns: Vec<Vec<f64>> = order.iter().map(|&i| sorted(&columns[i])).collect();
    let hessian = nalgebra::DMatrix::from_fn(n, n, |i, j| columns[j][i]);
    close(case, "trace", hessian.trace(), trace, 1e-10);
    close(case, "Frobenius norm", hessian.norm(), frobenius, 1e-10);
    let product: Vec<f64> = (0..n)
        .map(|i| (0..n).map(|j| hessian[(i, j)] * v[j]).sum())
        .collect();
    close(case, "u·Hv", dot(&u, &product), form, 1e-10);
    let eigenvalues = hessian.symmetric_eigenvalues();
    close(
        case,
        "smallest eigenvalue",
        eigenvalues.min(),
        smallest,
        1e-9,
    );
    close(case, "largest eigenvalue", eigenvalues.max(), largest, 1e-9);
}

/// The names of parameters and running statistics, sorted.
fn names(tiny: &Tiny) -> Vec<String> {
    let blueprint = tiny.objective.network().blueprint();
    let layouts = [blueprint.parameters(), blueprint.statistics()];
    let blocks = layouts.into_iter().flat_map(|layout| layout.blocks());
    let mut names: Vec<String> = blocks.map(|block| block.name.clone()).collect();
    names.sort();
    names
}

/// `sorted(model.state_dict())` of the residual network.
const NAMES_OF_RESNET: [&str; 38] = [
    "bn1.bias",
    "bn1.num_batches_tracked",
    "bn1.running_mean",
    "bn1.running_var",
    "bn1.weight",
    "conv1.weight",
    "fc.bias",
    "fc.weight",
    "layer1.0.bn1.bias",
    "layer1.0.bn1.num_batches_tracked",
    "layer1.0.bn1.running_mean",
    "layer1.0.bn1.running_var",
    "layer1.0.bn1.weight",
    "layer1.0.bn2.bias",
    "layer1.0.bn2.num_batches_tracked",
    "layer1.0.bn2.running_mean",
    "layer1.0.bn2.running_var",
    "layer1.0.bn2.weight",
    "layer1.0.conv1.weight",
    "layer1.0.conv2.weight",
    "layer2.0.bn1.bias",
    "layer2.0.bn1.num_batches_tracked",
    "layer2.0.bn1.running_mean",
    "layer2.0.bn1.running_var",
    "layer2.0.bn1.weight",
    "layer2.0.bn2.bias",
    "layer2.0.bn2.num_batches_tracked",
    "layer2.0.bn2.running_mean",
    "layer2.0.bn2.running_var",
    "layer2.0.bn2.weight",
    "layer2.0.conv1.weight",
    "layer2.0.conv2.weight",
    "layer2.0.downsample.0.weight",
    "layer2.0.downsample.1.bias",
    "layer2.0.downsample.1.num_batches_tracked",
    "layer2.0.downsample.1.running_mean",
    "layer2.0.downsample.1.running_var",
    "layer2.0.downsample.1.weight",
];

/// `sorted(model.state_dict())` of the transformer.
const NAMES_OF_TRANSFORMER: [&str; 20] = [
    "class_token",
    "encoder.layers.0.linear1.bias",
    "encoder.layers.0.linear1.weight",
    "encoder.layers.0.linear2.bias",
    "encoder.layers.0.linear2.weight",
    "encoder.layers.0.norm1.bias",
    "encoder.layers.0.norm1.weight",
    "encoder.layers.0.norm2.bias",
    "encoder.layers.0.norm2.weight",
    "encoder.layers.0.self_attn.in_proj_bias",
    "encoder.layers.0.self_attn.in_proj_weight",
    "encoder.layers.0.self_attn.out_proj.bias",
    "encoder.layers.0.self_attn.out_proj.weight",
    "head.bias",
    "head.weight",
    "norm.bias",
    "norm.weight",
    "patch_embed.bias",
    "patch_embed.weight",
    "position",
];

#[test]
fn names_are_those_of_a_state_dict() {
    let resnet = Tiny::resnet(Activation::Relu, Normalisation::Batch, &cpu());
    assert_eq!(names(&resnet), NAMES_OF_RESNET);
    let transformer = Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.0, &cpu());
    assert_eq!(names(&transformer), NAMES_OF_TRANSFORMER);
    let text = names(&Tiny::text(1, Activation::Gelu, 0.0, &cpu()));
    let transformer = names(&transformer);
    let only = |of: &[String], other: &[String]| -> Vec<String> {
        let missing = of.iter().filter(|name| !other.contains(name));
        missing.cloned().collect()
    };
    assert_eq!(only(&text, &transformer), ["token_embed.weight"]);
    assert_eq!(
        only(&transformer, &text),
        ["class_token", "patch_embed.bias", "patch_embed.weight"]
    );
}

fn mlp(activation: Activation, norm: Normalisation, init: Init) -> Tiny {
    Tiny::mlp(activation, norm, init, &cpu())
}

#[test]
fn mlps_are_those_of_pytorch_to_the_second_derivative() {
    check(
        "linear",
        &mlp(Activation::Linear, Normalisation::None, Init::He),
        &Expected {
            parameters: 59,
            outputs: [
                0.13508002184321505,
                -0.48279327730096977,
                0.3263331114213018,
            ],
            values: [
                1.372973233104411,
                0.6984603674068968,
                0.1146258902532865,
                2.471260217474632,
                2.8420652630560976,
                -0.6663742123907126,
                1.2293507565854263,
                0.13699947729534764,
            ],
        },
    );
    check(
        "tanh ntk",
        &mlp(Activation::Tanh, Normalisation::None, Init::Ntk),
        &Expected {
            parameters: 59,
            outputs: [
                0.39975358984515896,
                -0.44251648220880413,
                0.16402811494747513,
            ],
            values: [
                1.2092890957158284,
                0.27107920568522564,
                -0.029119231778323075,
                0.7245942150896382,
                0.9661864813115915,
                -0.22481582955458965,
                0.5956882272356863,
                0.06003057307387272,
            ],
        },
    );
    check(
        "softplus layer",
        &mlp(Activation::Softplus, Normalisation::Layer, Init::He),
        &Expected {
            parameters: 75,
            outputs: [
                -0.05652469810259181,
                -0.3963305993946871,
                0.4358411797739784,
            ],
            values: [
                1.1633070463054174,
                0.31897488547622427,
                0.058124811229058916,
                1.8076157792865186,
                1.4259587138000203,
                -0.38488053621934515,
                0.991177358861943,
                0.11718853623051025,
            ],
        },
    );
}

#[test]
fn batch_normalised_mlps_are_those_of_pytorch_to_the_second_derivative() {
    check(
        "tanh by running statistics",
        &mlp(Activation::Tanh, Normalisation::Batch, Init::He),
        &Expected {
            parameters: 75,
            outputs: [
                0.056687550035076695,
                -0.49174363587053416,
                0.01728251888565563,
            ],
            values: [
                1.1377136007276818,
                0.2062116272640093,
                -0.0405125295186688,
                1.6736933738575805,
                1.306202781267519,
                -0.19158914797582063,
                1.0382804301507171,
                0.29492979447425327,
            ],
        },
    );
    check(
        "gelu by batch",
        &mlp(Activation::Gelu, Normalisation::Batch, Init::He).by_batch(),
        &Expected {
            parameters: 75,
            outputs: [0.2852410182964106, -0.5925974848522392, 0.05166675528647882],
            values: [
                1.206818570412781,
                0.27862624228826016,
                -0.012510233481819302,
                -0.18892792513559217,
                1.9004952574550176,
                -1.1263027812779414,
                0.7102283415346925,
                0.1671793194965291,
            ],
        },
    );
    check(
        "relu by batch",
        &mlp(Activation::Relu, Normalisation::Batch, Init::He).by_batch(),
        &Expected {
            parameters: 75,
            outputs: [
                0.27354368113122224,
                -0.6084485200239201,
                0.11162461751671207,
            ],
            values: [
                1.1723281255534828,
                0.3443909190359057,
                0.12342476969823993,
                -0.36183382253122354,
                2.5587091272474147,
                -1.9477048831676407,
                0.8124674822967588,
                0.2220316260604128,
            ],
        },
    );
}

fn resnet(activation: Activation, norm: Normalisation) -> Tiny {
    Tiny::resnet(activation, norm, &cpu())
}

#[test]
fn residual_networks_are_those_of_pytorch_to_the_second_derivative() {
    check(
        "tanh none",
        &resnet(Activation::Tanh, Normalisation::None),
        &Expected {
            parameters: 347,
            outputs: [
                -0.1483439503202461,
                -0.007506973346862476,
                -0.9645943263667864,
            ],
            values: [
                1.059853942585588,
                0.4831617689361658,
                0.07798739061504979,
                6.061953241538653,
                3.965198752893938,
                -1.1274909850218873,
                1.3952408629997248,
                -0.19685819258604267,
            ],
        },
    );
    check(
        "gelu group",
        &resnet(Activation::Gelu, Normalisation::Group),
        &Expected {
            parameters: 383,
            outputs: [
                -0.24961990373258658,
                0.07596239248500668,
                -0.5299879292173985,
            ],
            values: [
                1.1262315483529235,
                0.27814930274323374,
                0.2106129698020049,
                2.1160149484967663,
                2.549683702727156,
                -1.1172859269350512,
                1.4561085814779329,
                0.12076811522398294,
            ],
        },
    );
    check(
        "gelu layer",
        &resnet(Activation::Gelu, Normalisation::Layer),
        &Expected {
            parameters: 383,
            outputs: [-0.1959297523956715, 0.06933508049908388, -0.574813561549224],
            values: [
                1.1284489903120967,
                0.2740753355735741,
                0.2233809888511325,
                4.563222922990977,
                3.58529003177635,
                -0.74712109337479,
                3.0622440371098847,
                0.8431483758664008,
            ],
        },
    );
}

#[test]
fn batch_normalised_residual_networks_are_those_of_pytorch_to_the_second_derivative() {
    check(
        "tanh by running statistics",
        &resnet(Activation::Tanh, Normalisation::Batch),
        &Expected {
            parameters: 383,
            outputs: [
                -0.3601412860718957,
                0.21179749597081232,
                -0.6828066337753034,
            ],
            values: [
                1.169133201301382,
                0.3553078835877247,
                0.2728601468495262,
                1.15971356065681,
                1.5910584515883033,
                -0.4660260846092583,
                0.9794458177621924,
                0.2866558111028582,
            ],
        },
    );
    check(
        "softplus by batch",
        &resnet(Activation::Softplus, Normalisation::Batch).by_batch(),
        &Expected {
            parameters: 383,
            outputs: [
                -0.5570686723600777,
                0.6932484085330199,
                -0.045725877914142066,
            ],
            values: [
                1.2312685515623663,
                0.6243132837682397,
                0.19892649002273072,
                2.7897369376949595,
                2.099383787051865,
                -0.24252933631219628,
                1.8069326868464173,
                -0.20016506947675525,
            ],
        },
    );
    check(
        "relu by batch",
        &resnet(Activation::Relu, Normalisation::Batch).by_batch(),
        &Expected {
            parameters: 383,
            outputs: [
                -0.40771671473612725,
                0.25171417660242035,
                -0.39537742364450135,
            ],
            values: [
                1.1748074314955614,
                0.8073728927021514,
                0.20603941752799154,
                -13.74098294947622,
                15.452699965194522,
                -15.118029130647622,
                1.502279760167641,
                -0.8752108607070311,
            ],
        },
    );
}

#[test]
fn stems_and_shortcuts_of_residual_networks_are_those_of_pytorch_to_the_second_derivative() {
    let resnet = |stem, shortcut, activation| Tiny::resnet_with(stem, shortcut, activation, &cpu());
    check(
        "relu imagenet, running statistics",
        &resnet(Stem::ImageNet, Shortcut::Projection, Activation::Relu),
        &Expected {
            parameters: 543,
            outputs: [-0.261686498324987, 0.1281222063467441, -0.47133071465890614],
            values: [
                1.1298681269979112,
                0.288935791328901,
                0.0006205312012316951,
                2.0226757106506983,
                1.7401306642118286,
                -0.3352915773652748,
                1.4401573115278206,
                0.13409558843037567,
            ],
        },
    );
    check(
        "softplus imagenet",
        &resnet(Stem::ImageNet, Shortcut::Projection, Activation::Softplus).by_batch(),
        &Expected {
            parameters: 543,
            outputs: [
                -0.555292904186163,
                0.6937152037207239,
                -0.040981278024566525,
            ],
            values: [
                1.2318623185184412,
                0.6220849165283823,
                0.13233445265115223,
                2.852142273998006,
                2.151888030473788,
                -0.24648255595223276,
                1.8172094244095072,
                0.21011815897265193,
            ],
        },
    );
    check(
        "softplus padding",
        &resnet(Stem::Cifar, Shortcut::Padding, Activation::Softplus).by_batch(),
        &Expected {
            parameters: 367,
            outputs: [-0.5733654827317712, 1.4133373530291626, -0.1820537910275683],
            values: [
                1.4879098428854565,
                1.525220102051423,
                0.025745179301075893,
                4.665870254444411,
                3.3682691991124143,
                -0.5482490401645957,
                2.906261102714483,
                0.42739456485245547,
            ],
        },
    );
}

#[test]
fn transformers_are_those_of_pytorch_to_the_second_derivative() {
    let transformer =
        |depth, pool, activation| Tiny::transformer(depth, pool, activation, 0.0, &cpu());
    check(
        "gelu class",
        &transformer(2, Pool::Class, Activation::Gelu),
        &Expected {
            parameters: 373,
            outputs: [
                0.049203770021421095,
                0.18532257815264344,
                -0.7423912489869011,
            ],
            values: [
                1.1975488668411132,
                0.577544809063291,
                -0.05922586048621416,
                -0.8949695568957646,
                7.017738471362634,
                -4.279084831342704,
                4.089051162225437,
                0.3585717193515494,
            ],
        },
    );
    check(
        "relu mean",
        &transformer(1, Pool::Mean, Activation::Relu),
        &Expected {
            parameters: 220,
            outputs: [0.04914071800055271, 0.0482987563302282, -0.8765885791577528],
            values: [
                1.221795523623957,
                0.4737596678650784,
                0.02423525556504756,
                1.0291444089531188,
                3.0740212677866587,
                -1.3884822337676765,
                1.6671747293370744,
                0.785145174815299,
            ],
        },
    );
    check(
        "tanh mean",
        &transformer(1, Pool::Mean, Activation::Tanh),
        &Expected {
            parameters: 220,
            outputs: [
                0.03827775886361996,
                -0.11035106572944828,
                -0.7750966470144297,
            ],
            values: [
                1.197447473373909,
                0.4620666042399051,
                -0.06486409314024325,
                1.079156712687425,
                3.4368613458976536,
                -2.0864476431618826,
                1.348355928416902,
                -0.0242913346683606,
            ],
        },
    );
}

#[test]
fn transformers_on_text_are_those_of_pytorch_to_the_second_derivative() {
    check(
        "gelu text",
        &Tiny::text(2, Activation::Gelu, 0.0, &cpu()),
        &Expected {
            parameters: 341,
            outputs: [-0.2559876430375425, 0.5581586537251922, -0.6581159727947075],
            values: [
                1.1718950491165168,
                0.5326773322718599,
                -0.20074133918721643,
                6.858571637737678,
                6.022434859536933,
                -2.399675775889704,
                3.9582156669907516,
                1.229551011114589,
            ],
        },
    );
    check(
        "tanh text",
        &Tiny::text(1, Activation::Tanh, 0.0, &cpu()),
        &Expected {
            parameters: 196,
            outputs: [
                0.03657496275329139,
                -0.03025127675483264,
                -0.9642477945307913,
            ],
            values: [
                1.1471316328935863,
                0.8176627144440067,
                -0.2718484753621295,
                7.801745900110631,
                15.581467287511305,
                -8.048284770721313,
                9.14044065020205,
                1.3424887124440008,
            ],
        },
    );
}

/// Three steps of gradient descent on three batches: the last loss, and norm and projection on u
/// of the parameters and of the running statistics.
fn train(tiny: Tiny) -> [f64; 5] {
    let mut tiny = tiny.by_batch();
    let mut last = 0.0;
    for (first, end) in [(0, 4), (2, 6), (0, 6)] {
        let weight = 1.0 / (end - first) as f64;
        let parameters = tiny.parameters();
        let step = tiny
            .objective
            .training_gradient(&parameters, &tiny.batch(first, end), weight);
        last = read(&step.loss).unwrap()[0];
        let gradient = step.gradient.to_host().unwrap();
        for (value, slope) in tiny.values.iter_mut().zip(gradient) {
            *value -= 0.1 * slope;
        }
        tiny = tiny.with_statistics(step.statistics);
    }
    let probe = |vector: Vec<f64>| [norm(&vector), dot(&vector, &numbers("u", vector.len()))];
    let [size, along] = probe(by_name(&tiny.parameters()));
    let [spread, across] = probe(by_name(&tiny.objective.conditions().statistics));
    [last, size, along, spread, across]
}

/// The numbers of all blocks but the counters, ordered by name.
fn by_name(vector: &Parameters) -> Vec<f64> {
    let values = vector.to_host().unwrap();
    let mut blocks: Vec<_> = vector.layout().blocks().iter().collect();
    blocks.retain(|block| !block.name.ends_with("num_batches_tracked"));
    blocks.sort_by(|a, b| a.name.cmp(&b.name));
    let ranges = blocks.iter().map(|block| block.range());
    ranges.flat_map(|range| values[range].to_vec()).collect()
}

#[test]
fn three_steps_move_weights_and_running_statistics_as_pytorch_does() {
    let mlp = Tiny::mlp(Activation::Tanh, Normalisation::Batch, Init::He, &cpu());
    let resnet = Tiny::resnet(Activation::Gelu, Normalisation::Batch, &cpu());
    let cases = [
        (
            "mlp",
            train(mlp),
            [
                1.2111259829113068,
                3.0133017498895933,
                1.341430579890734,
                2.044549219050247,
                -0.6003800512374404,
            ],
        ),
        (
            "resnet",
            train(resnet),
            [
                1.1206570798613404,
                6.999281282872064,
                -3.962830178344821,
                3.7797228006544015,
                -0.12039915793106426,
            ],
        ),
    ];
    for (case, found, expected) in cases {
        for (found, expected) in found.into_iter().zip(expected) {
            close(case, "after three steps", found, expected, 1e-12);
        }
    }
}
