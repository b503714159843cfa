// Trains a small network to double the size of pictures, in Node or, as a module, in a page.
//
//   node examples/train-upsampler.mjs [--seed 1] [--steps 300] [--images folder]
//
// Without a folder of PNG files it takes the 16 pictures at the end of this file. Needs `npm run build`.

import { Conv2d, ConvTranspose2d, init, runtimeInfo } from 'deconv-wasm';
import { adam, meanSquaredError, Sequential, Sigmoid, Tanh } from 'deconv-wasm/training';

/** @typedef {import('deconv-wasm').Tensor} Tensor */

/**
 * Learns to make `pictures` again from copies of half their size. The same seed gives the same numbers.
 *
 * @param {object} options
 * @param {Tensor} options.pictures `[N, 1, H, W]`, values from 0 to 1, H and W even
 * @param {number} [options.seed]
 * @param {number} [options.steps]
 * @param {(step: number, loss: number) => void} [options.onStep]
 */
export function trainUpsampler({ pictures, seed = 1, steps = 300, onStep = () => {} }) {
  const small = halve(pictures);
  const network = new Sequential(
    new Conv2d({ inChannels: 1, outChannels: 8, kernelSize: 3, padding: 1, seed }),
    // Smooth, so that central differences can check the gradients; a ReLU would train as well.
    new Tanh(),
    // A kernel that is twice the stride: every output is reached by equally many stamps.
    new ConvTranspose2d({
      inChannels: 8,
      outChannels: 1,
      kernelSize: 4,
      stride: 2,
      padding: 1,
      seed: seed + 1,
    }),
    new Sigmoid(),
  );
  const step = adam(network.layers, { learningRate: 0.03 });
  const losses = [];
  const record = (loss) => {
    onStep(losses.length, loss);
    losses.push(loss);
  };
  try {
    const start = gradientError(network, small, pictures);
    for (let count = 0; count < steps; count += 1) {
      const pass = network.trace(small);
      const { loss, gradient } = meanSquaredError(pass.output, pictures);
      record(loss);
      step(pass.backward(gradient).layers);
    }
    record(lossOf(network, small, pictures));
    return {
      network: String(network),
      /** Before every step, and after the last. */
      losses,
      gradientErrors: { start, end: gradientError(network, small, pictures) },
      parameters: network.layers.flatMap(({ weight, bias }) => [weight.data, bias.data]),
      /** Loss of repeating every pixel, which needs no training. */
      baseline: meanSquaredError(repeat(small), pictures).loss,
    };
  } finally {
    network.dispose();
  }
}

/**
 * Largest difference between the gradient of the loss and its central difference, over all parameters,
 * as a share of the largest gradient.
 */
function gradientError(network, x, target) {
  const pass = network.trace(x);
  const gradients = pass.backward(meanSquaredError(pass.output, target).gradient).layers;
  let largest = 0;
  let error = 0;
  for (const [index, layer] of network.layers.entries()) {
    const parameters = [
      { values: layer.weight.data, gradient: gradients[index].weight.data, set: (v) => layer.setWeight(v) },
      { values: layer.bias.data, gradient: gradients[index].bias.data, set: (v) => layer.setBias(v) },
    ];
    for (const { values, gradient, set } of parameters) {
      for (const [place, value] of values.entries()) {
        // What float32 makes of value ± 0.003, so that the step is known exactly.
        const [low, high] = [Math.fround(value - 0.003), Math.fround(value + 0.003)];
        const [below, above] = [low, high].map((moved) => {
          set(values.with(place, moved));
          return lossOf(network, x, target);
        });
        const difference = (above - below) / (high - low);
        error = Math.max(error, Math.abs(difference - gradient[place]));
        largest = Math.max(largest, Math.abs(gradient[place]));
      }
      set(values);
    }
  }
  return error / largest;
}

function lossOf(network, x, target) {
  return meanSquaredError(network.forward(x), target).loss;
}

/** Means of 2 x 2 pixels. */
function halve({ data, shape: [count, channels, height, width] }) {
  const shape = [count, channels, height / 2, width / 2];
  const result = new Float32Array(data.length / 4);
  for (let index = 0; index < result.length; index += 1) {
    const row = Math.floor(index / (width / 2));
    const corner = 2 * row * width + 2 * (index % (width / 2));
    result[index] = (data[corner] + data[corner + 1] + data[corner + width] + data[corner + width + 1]) / 4;
  }
  return { data: result, shape };
}

/** Every pixel four times: the simplest way to double a picture. */
function repeat({ data, shape: [count, channels, height, width] }) {
  const result = new Float32Array(data.length * 4);
  for (let index = 0; index < result.length; index += 1) {
    const row = Math.floor(index / (2 * width));
    result[index] = data[Math.floor(row / 2) * width + Math.floor((index % (2 * width)) / 2)];
  }
  return { data: result, shape: [count, channels, 2 * height, 2 * width] };
}

/** The pictures that come with this file, `[16, 1, 28, 28]`. */
export async function samplePictures() {
  const packed = Uint8Array.from(atob(FASHION_MNIST), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const pixels = new Uint8Array(await new Response(stream).arrayBuffer());
  return { data: Float32Array.from(pixels, (value) => value / 255), shape: [16, 1, 28, 28] };
}

/** The grey middles of a folder's PNG files, as large as the smallest of them allows, 64 pixels at most. */
async function readPictures(folder) {
  const { readdir, readFile } = await import('node:fs/promises');
  const { PNG } = await import('pngjs').then((module) => module.default ?? module);
  const names = (await readdir(folder)).filter((name) => name.toLowerCase().endsWith('.png')).sort();
  if (names.length === 0) throw new Error(`no .png in ${folder}`);
  const images = await Promise.all(
    names.map(async (name) => PNG.sync.read(await readFile(`${folder}/${name}`))),
  );
  const smallest = Math.min(64, ...images.flatMap(({ width, height }) => [width, height]));
  const size = 2 * Math.floor(smallest / 2);
  if (size < 4) throw new Error(`pictures of at least 4 x 4 pixels are needed, ${folder} has smaller ones`);
  const pixels = images.flatMap(({ data, width, height }) => {
    const [left, top] = [Math.floor((width - size) / 2), Math.floor((height - size) / 2)];
    return Array.from({ length: size * size }, (_, index) => {
      const at = 4 * ((top + Math.floor(index / size)) * width + left + (index % size));
      // Luma of ITU-R BT.601.
      return (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) / 255;
    });
  });
  return { data: Float32Array.from(pixels), shape: [images.length, 1, size, size] };
}

const HELP = `Usage: node examples/train-upsampler.mjs [options]

Trains a network of two layers to double the size of pictures.

  --seed NUMBER    seed of the weights (default: 1)
  --steps NUMBER   steps of Adam (default: 300)
  --images FOLDER  PNG files in place of 16 pictures from Fashion-MNIST
  --help           this text`;

async function main() {
  const { parseArgs } = await import('node:util');
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      steps: { type: 'string', default: '300' },
      images: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const [seed, steps] = ['seed', 'steps'].map((name) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 0) return value;
    throw new Error(`expected --${name} to be a whole number from 0 on, got ${values[name]}`);
  });
  await init();
  const pictures = await (values.images === undefined ? samplePictures() : readPictures(values.images));
  const { build, threads } = runtimeInfo();
  console.log(`pictures ${pictures.shape.join(' x ')}, build ${build}, ${threads} thread, seed ${seed}`);
  const started = performance.now();
  const result = trainUpsampler({
    pictures,
    seed,
    steps,
    onStep: (step, loss) => {
      if (step % 50 === 0 || step === steps) {
        console.log(`step ${String(step).padStart(4)}  loss ${loss.toFixed(6)}`);
      }
    },
  });
  const [first, last] = [result.losses[0], result.losses.at(-1)];
  console.log(result.network);
  console.log(
    `${((performance.now() - started) / 1000).toFixed(1)} s, loss ${first.toFixed(6)} to ${last.toFixed(6)}: ${(first / last).toFixed(1)} times less`,
  );
  console.log(`repeating every pixel has loss ${result.baseline.toFixed(6)}`);
  const { start, end } = result.gradientErrors;
  console.log(
    `gradients against central differences: off by ${start.toExponential(1)} of the largest at the start, ${end.toExponential(1)} at the end`,
  );
}

// The first 16 pictures of the test set of Fashion-MNIST, 28 x 28 bytes each, gzip in base64, as Debian's
// package dataset-fashion-mnist has them. Copyright 2017 Zalando SE, MIT licence:
// https://github.com/zalandoresearch/fashion-mnist
const FASHION_MNIST =
  'H4sIAAAAAAACA+2aeTzUa9vAL0vat5NOSVqcOuqU9lVPaTkRSZs2bcg6hpE1+5qdGNn3sYUiHFS2ZF8SiqJkGbPPWEOlut/PyCC/+bz/vH+9z/Pcf5if+c59/7bruq8V4N9yCAkAzIT1074VEARxlbk/jy2mM4DL9wy5R79fx01jwrDb8U5AemSiW9gD71+RIMz1cHKIeRydlBkY7De5mKAACAGYGOM8HoRGJCTdi4yayzsN9/IArnip3ggNdA5OfngvOnkbbzVhLtdwNzQwJLn5BUYn+UUlcy9UUFBAkMtX4M1uEczcI1zDwiJifAIiMrkrccfS3dfMCDomjq73whJSwoLD7nkGJWwCWLbniNIFcwdrwm1ze1uvu+4x3uGxfuEPYwsOwd83VAnGBGMTezf3e3b2wWH37tuSSH6eoaRSGblkR10NzRvqGtp4nMUdx8CIpMLC0vLyvLKCJ+sW2aXm5z9JDXW7Y2dPfFrSUI8aMoa+jY6OfKjbDgDzjuHin1Y0vm6sLww6NwsAMuvz00lRwXP//4nQ/GPcvzv+xIBZdxq6RjgIoZEe1sMTvyCP3m+DTErPp+E+Kr338+iLKUgb0brJ3QwqldJNp9PIHd+yJhmjn0JDqIdG7hnuppKZLEq/6AT73E9DgVu/daOBdz101P2B+XXPBEN9dLQQEKcIoBnNt0bMb8Y8JIJ6elEGIAROpluPbFqP2F9IPLYGsYdQLSAVWL9yNYjNR+wvFTy2G7G/fqUJoqXQhth7hsoHe4baeewM4nztQwBSkQBvb4jaIU7vVx7TQqzvnwbvetajqmZEnZmG+noQj9khBvrMQKiPPjhIG0Xox2APGpdbCECML9mD5A4qk0pldbM+vkJs9Mc4i0NDbRcRg8FiM5lM+gDNFrHR3nGW/QNVHkfddCaLyWSw+jlyiDW8f5yVjaB8Q9TBYI6Nvu/HEfvzqXFWOYwC/VE7i8lisZgcBtqKer9ojLPaQUR4hMgsFpvFYvVS0BLy8BfDcVbahwyavlK4jMPmdKG9NaNDd8bZ80FkTO+js1hsJofNoiDX1G+fPMZZwSgK62GwmSw2q4fNoqNEWzToO85yv6HUETqTyWDQmQwmo6/dAQ0Ej7PMQbS/p7+np4fD5nD6OD8e70K9keMsv+/roVb04ePHj+3tHR9bUdgaxM4fZ05DA8t/EUnJgU9u44dK6MvvvzCpL8h6/HD7y7K5ICwgOD6EQCit4Ngv2+OxDMdQM0eiTzpGIQShFCHUP4qGkBJWjwY5Ld20j63vkSmWIRaN0dVJ+Yj8MWgZolIYlE5yW38Shh1DnUxaF7m7g5mHYcZfWlg9Q2RyZ/9jDEsaIdO+Vn6mdYwGYFj9QOdgJyBGF3LEsPaedhQLiN2O3DBsiPURnYDPP1r43AN3tZlQ9PkDsuPDaKMA0aNtiIBldPY7AOfvH/ix7sGHAPu/fOTHqJ+8AOYgMtLEMDJn4DZ3W6CiKxhW2zvElTtERrcwLHiop5zLmOgahl35zPgMAN84SBXDVvdRugCgt4fPPOhicCQBmD3oJpYx2J/+Bmjo52gAxkSHDAw5AJT395zFyqDCcP9rgOo+jiJgzDdQ2A0AUSM9t7BrQgUakYFY9M2CjxHQiJYH+PtxvAyGLLXG37qlcv7iNTkRDMN9pr7sfZP29pXXdQyzf9f0srm5mFKVgH3WxBLKm+63DdTm+D0YZlJMbmhpeFPXkbAAK/P3c3Jbu7oL65znYJiRBU6voH40wUt3EYbJeyrLB1wfdsdfmolhZ+21LwSof/fUPL8Qw+Q8NAnB278F4C5iz3fQ7bKmF3yLUD89A8NknC7dsodPpIsnBTHsT8crehZAi1PezscUu6ma2AAr5PBOPp6erbKZL3RE71/D5/UZn7G0hLwHhzbwYeYatnjwf6S0mw/zOJv6N9ys2M7nfFD5cGgW7GyJMMQigZqGBoCt9NexfOY1tL4G2M3uSuDDatpfAWxj0Hz4sBe0CoC/mAx3PqyVWQWwis6y58NK+soA5lN69fgwq5ESAHiLVRXuM0PPAaDj8xY+TDRNiyumRIFfVU9g7P/9xxSUlM4f+vWJcNH80w5VpNhHzx9mP8Gv+lX3tL18dUxIYQmhXo5BnqmxK6YgnA1eB3dd85+IAM8LkcY2YZGT55Nw1bqNVzc9S8yNJxCdrVz8k68D75KOOOtp4TV11RXr0kyC8BbEENLkQ8VbG+E0NLUIJ9xdjEwMfINiSCUTzM3Kwuj8dXWcyVWD8wa2Cd7FMY95ir3MzSVQV1lNXQePN1ExDowKaIjJ3DXO9ts4x+ioaRkYEPDGuNsRcRGlSWkXxtlFU7sYF201XX2N69amRoEx2c9IJJ69NTI2SiJqamrpq2na6dzxiUrKC7ifMs5szLXKrmhpquF18Fb69l5BFqX+vjxv0dlEvXwrXk0NZ6F9R8faO+hsHdFt3M0UdjfXKF5qoIbTdtS00Db3CZV+d9/r5bwxttzDTCtP7PY1oxt39OzVTXyDljTdd65dN8Y2+BiYRc2zUTVVM7vtfoMQELe6iOha93PHk3LUDrCAO6oWWqY4e21j4j+ixGjHWrmf2mxHIGktdblijcdp2xFMfTJ3GCV7xqv8fNKurk9VFKwvWRG0cQ7GBq5p6hoxAek/rae6b3L5ehV9dSsjAyM7bTXnhw47fzyI51mzeVsELbQNrNVMrVxwOMfgJytEZ03dCTy0jDVxrm6OugTr4BdTxFdACBRctHS1vfF4Z5zFbd8kN5gqpEbm+rpeBurWnvr2d9xjo2ESCoHvfSM9rfO21vd0TTTtHmTOBMFJSZtt96QyKS41KCkirSyHdHC6Pqw6cdOAQMBpyc/D6srz/OyCyIT8x1nZGLSA1dTU3tnSXPu6AMN+Z7a8bqmsaanJSsEwvW8vG94Xl7x59aIWszPVdj+pe9v2pqGikIzR+E/Pi9+0NL579yK903kaEhtJed74upf2viKrxWYa285OKa76kEej1mU3TXfeLtGjiyuH4NVQ5eNGg+kmri2l4F0nBP8oz23Qmcbi6h4/HSDCblSV+3K6k5JRll4wIgnwveafCvVp7OGztApuIMKsJVVMD8/DMtJec/2Xxmqff/DTmE9q+rAcCEJGraX/9B3ULavo80qYAa6N+r7Tjb9qQflrYRCCA5/ME6ynm5y8kk45EAbRt6ZJHtOfdU5FWxz3sycgC+NIvqhvauF+DpfVeE5nbp11VdzPt2/bvKcz8fe1LZIAUP22wxprO5rbL3MDlPdUJ4xvc7elhes9P2mju0y/BzjQ2sDd/ZK7m4OwPlFR3futAOGc9rtYwY7tYZoCPBjmRGDZnx4uuwHO+jsewq65GP7Yu0uajwUHga9o6EfPp15PPibnsk3KD888lLdG+BeFHhsqGpDTOIgwaR4Q2Xfi6t1N0NcKILVFVOwXb2ObgdyezfL7Di8UlVgps3+n6FR2ROHcdplda1SOi+2Q3SIuJjEFzVPe7bx+/y5RVWXR3YfWLRaXmsJWXpAIk9m6aZ6S/FLJJUuXrN00xZ3adHq+x5GNf81ROTZfYuVvG6Ullk6y3QpziBc2/TVbRXbR6uUL1kpIzJ/iR8kJJmuv3LrwzL/mSKyAUyvFp7h9x/4llKu8ecv8k4dmL18JsVLzp6ypuEP4o9z6LYtOHpm5YhEMbJkpNskU1s1F+zfvmasoK7xCRKBVAcQnkxonJcTQsS07RE7LzhID8U9aMHnzc08u3I1kpLb/pnRERFwYPnjCSqEJpjhD58f2bVvmKxwRFJsBDRmwauLmF50UtkTrtu5adOy44O8LoDAbVk7s5b8rg9OPpQdkViqeEBBfDum1sHzCl1x2CsJbRffvXi6nICj+O7g2g+jE/rr8JDwtXHr4wNoTJ4RXrAarVqHFE37t8rPwIvK3/ftWyZ8SXrYCCOT585dM5DyUoct95zkFqZNnZq1cC9oDi+ZNsHVyQkyVXSdP7j98dMlGqVm7WqVFFvPYH8cl+qZKCIUAE+yoirTJVGahvHzCgdkjv3rnFCsD61aJi//iNAkB3AgO99T4+aPpor0FlZUWjQphAWyQ3bgntyz75hHb6XHHTucIjdMH/RIjtu0h2Bz8Ra495AhXt50J08HdttsrZ+doNkVjpN/Cn5KwSB0kN12FOZsXHwmeZGqrNTIizSKYhHsJNcf1fa3PTQnvSbI7zsuLy7hIn7ngtP2ahfU53ckzPr62Qebo3E32sw7ssD50UmWprvektsQYGF/X/kspeoPmucjlOzRUSCGTjqbBghM4m2PXU/fd1snYdQVvbnhj5cRllokqGhrsVc44ZK4Ttf4CzujPQxOx1b4200JZMcGZejMO/HkBFq55FVoZOGFqLy2+SXTW0SqRxzk//1vdsO705Ynz7bRVMQt0NTLoMA6LLVaw94/fd30iVr1sdqXm2PJZc27NltlxHhZJZuiZGPIEzcsSPyCrulOWtEPNyHmp8omAMPsA3hM9t0IuZ4v+/iNxuy+a3RU7f8It9txNXgDltMU8XN7tvFrxWYuAiG23b6h777nAi1peOg+kih5fss3rz/O6eIGj2+V6/6nj+ZFHZ9/Dr1Ocu8Zk7oajZ2C9tJLX6bM8jdeUIR7XeWoTNOQSW92IC3uoE6ON510L4XTS4iVHRXb7bL5EMF605wQQjW15N2+jXzNT+eycU5qbTh3VhDWnxO76RfCCztPLiIJXL4rdNTayVg1ffdBASv72LZ6ybFd9DJ5GfySaGjvcit8s77nhsPtF3vYqHEWBzZprMtVd7A3S/jplCRezdSfkV2nMkpyR0D65SQXmAPyhshf+O/4vY8lu2evbg2TWLIYxj1VgPODiGtSjaQ3vm7KqLycw9nFzwRM+soAA7MjwvLx+6c3gvPRGSqnyryv++G38YG14TUM54aKunr4hwXTHyqP7tkr7iskonrukei8p1OzyzmU6RBcHJ1f3ENlFimo2Vho2Nk62xldlxk3NgjkLFixctOi/b+i/438ZPytaMOEoTi8RER+b5Ej8zN6ZVfPsvyBXyiXZAXZGcT/Tu9drW3aNCT8XiKxi25qf0DWxKuwxW7/makVlCs/5OXiwIO7MOUM7Ozd3k/S25uq2524FP23Sul2BBUeUNAkm5pYO7laq6u6pD/VU29aut9Uh2DgSLqhbmOnoG7vHPMzOL3sWQLhhlFKj5JufnZ0ZF2Snq+8dm1/b1NbZ2dpArEDfGhvqNsjYhKbk5qflJFW+flVbUBJ4QfcZN2xdtmyeyG8LxQUFZ8zfetxXXmxcJcVPiC0TnTtv2fqtIHFc4e9ds/ZLgsgKKalt+2X2iB+5KLV546Y9R7eOXaa0tMJehTNHDx7YJrVJeufmAxulZWSk1wn8BwmMf6G6gV6eEgBMzx4eTomrH+yjPCKF/TaNSEWVBhZVtA8+K0oJJ9n9PjXo0IsN8nGq6KV8yP/k7+AbnL5syrJBHq5OAZb9yLjvka+7i0Po7cmJiyMdiYEePhmVla9c/X29XRy9J3xh2BHlERpkG16U7pOQGOrk6OITOHk9pxJjPYITs9/lRL0tCY8mPQoKmswp60aneLvklNenu6clB4Rb5pN8tSYzF6l1WQFxGaXPiXmhvn7uQ9UukyGnXfZ7YqSDZXqpbmRUsLfOlTaf0AkWmf5ub3pocH6zXW20v7+p/Juw8AmWG0c/7OmbU1IZRSM6xbrodRIjec63SH5s257AhOCk/JTsMB8nv+uvEn0lx9lfOQlsCWKKT2K9DelRmIu3+ovQ2K281G56atGMR6Sw7FeasVnhxECl56QgnmqfyUpMmpMTHJn5JLE+zZPorfAsNlye578kpHrufBF5N680sTzO0ddVoSgs/DTPHYxKN1fIIgbmvvJ5khrqEaBQEhnG84kM4rKsTDP8EnIKA7JIxLuh6rFRQbxign5UUpyeR2xcTUVgdlJsQMCtxEgfXrLdICzRHyRVZPUDXUIdbQL3gXG0Dy/XgA9LHl9ecPbPzSXSlzdPKzT5DDdSnQgxz4T78fIslpGJSjDpqwvBMZIPL7dhE0raOV6k5+5RM0AmiXiJl4VNyN4Dk1nyGbAnxfskLy9z8prQFOdfCCT8PQ78BxqJFTDXdrEIgBAmxpfMVFT6sOtqDs7Zcgk2TIJzITe1Q5NjYxdOZ0e15DM90uPjXrgmXwVhAQFu6hBAeLaICFiGB5wS624Nudse7pDOayT5OV0t1NBSBiDooVG496pdV7mJ7TEgrB/hsXHVnTg7AAG/2IBzALrjL+yMfkSyogdIeqdyv0lMTs2cB4qrQIB7Ogf3kF1CshtFC4tKASC1Ot72OqyQFxAWhgXbo40z85eckhRA1R1HAaxfnIJcIakxlVjoUJbUtWCthhHIFnYVwULtF1ogL3T5r/2xD5OT4p7mN0rdTM00ulzb1VjV6J2RP9QQXSg99+C5W/pmtnedUx9Gh8T6qx6X/lduckhofLhf0Pb/+iD/NgMXND2JMBtgtpCQEMBJFwcS148SmlShVFleF4WDlavpjfljYv5TnudWeCtIzBUQWusUhX+Ks3rgqrl6TJxnCAHsrQiJNzfC+eYVu0QZq2mqmXtGmCqMB6LyLfezKrLzHjldU72Mx13G4fF4K1c7U83jW2fCAXTH1NXXztzO09PO1MrJxtDUyVBX18jKzjT1tCeFGGOni3f19vPz9XY3xt+4gTt/8ZqarrlvSvGjEm1iWIivnx8xJCoiKCLI293dzsE7IiUq8VV7/GhVcUVDSXpeQUFeblZGampiWNSD7IKSopK3Nxa7mrr7uhPjSYnxMaTUlPiU+KCQsCBXO/zx/ySREPpjbBuS5ucizjo8Ji3yfCfGc7vRThfwQzM6W1IVK+vj+c6rqn3d/rbsHl/2/P3LV5UvXfiyQHJTU3WTHp89XAC82pubsj7ggN9NpH94++F5tQffNfsaa1ueV2XwQ+vf19RUF1VW82OXOqtfVVeUdfNjPh9r6ysry2rW8WFPP1S8rqgpr+eX0mhprmkuqa14w6cNAobr65tfVFU18rkJIfTyTXNpZV0dn1qyJCpteVNWVV9ZhGWK6EXb69KqhtJWLNP68aLrdVl1UwmVT9l3tLy7ubKqqZiFZd5DVdSmyoo3JQPYmn54bzXtdVV5Y/HAMgxLYlbT3lSX1hYPS2HfXnsts+llSXV501YMY36o7awtL3hR0nYRw5xGyX1f6WxqK52PNl+wd9fYcWDHFf4aoWVmaXAWW5cQmAFC6PPwyBDKHYs2pxS2uRFB8OePLZ00Bg1+dUJmACgWdlLaCt51U6hUY8Ff5kHSt34ahdn8jt1N5QzTVCaXFYQjI21kGqVvuLa9h0oh0wfWTRHuB5+6KHQGi0Xr6KPQaOS+KT2CAt1MKoXBoXVTWDQanU7r6p8spVweojPord0MZjudQ6FQqeSBmMkwepDNppEZ3fRX7QwGjU6j9XyYYKX9HDqFRabS6FQymUGm0umvJxiV08OkUKn07i4alUqjUlm0jxPsO7OXw6TTaHQmg8roZtBZVDRRnUC0Pg6bQaUxmzq4F8xi0xCvw0IcUfq5jMp6191DpzL6mHTEe8FHEWWwl8Og0ugsOpXBpH9iMicanDQRpbePQ6PT6N00BpNBGWCwEG8rsUIUzgCbRqcxKHQ6ndXVx2H84NWzIlA3a5hNo1NZdV1MBpX+cYAxmsqrNY4y2IMcGoPbe8ekkQeSBthDvC2vcGjwTcV3MpPBoDGZjM7vSZ2fBop51TY2io9B3QwGk8Vi0jtQYB5i8ZoIXtLRLV/UxWAwPtBY9A7k7IQYpeOsnIVEAxCNxWC1sVkMKrKVHaXzCsPFrEGI+s7gdh2yOEwKIuxDzKe8cuIIgtARKotOY9CZ9K5hWzlEnuggEZWA/BEah9PDYtJY5JHUabKd29vVRaN3kLupFKYzX434bRZX+rGtMew3g9Qe1E+mP8DuE0mllc0f3z/3SDHHMOeQ7OethbVVAbb6WL1NfVJU4x5ZmpPogG23efYsreJxXE5OErbcaFf25PGzp3Fpj55g+93065IeZCYWFzwrO49hOpmOTtmtZRFJT45h2KlwS+uHvjXGBP9NGHaIqKOXf7ZeX91lOYbt81HTKNj3SkvbBdsTtePeJYPcZXUa+m7YXoBVwcrGGVClp+eC7YMWiz1uHQt5hpq22Pcwh6TsHADZhtf59PfMTDxj7Q05t9Xc+JjpgBPWHvDEQMuBzzu/d9jZHf5Rv8mnsgseF0jukOFsdZ8Pi45Lc4OcjJRQPuzBP0+8IK24kJ/xf5CT6wPplaX81ozMexoCyTXF/OaFPXl6H6JelnjxYX6ZacFAqirgt2ZeefljyG6uyuFn+/FaIrDJ+e5k98T/AD+kxt4AMQAA';

if (globalThis.process?.argv?.[1]?.endsWith('train-upsampler.mjs')) {
  await main().catch((error) => {
    console.error(`train-upsampler: ${error.message}`);
    process.exitCode = 1;
  });
}
