"""Packaging of glot_plugin: `pip install -e .` with the extras below."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
version: dict[str, str] = {}
exec((ROOT / 'glot_plugin' / 'version.py').read_text(), version)

CORE = [
    'torch>=2.4',
    'numpy>=1.26',
    'mmengine==0.10.7',
    'setuptools<81',  # mmengine reads names such as glot_plugin::glot/glot_3dpw.py with pkg_resources
    'smplx>=0.1.28',
    'timm>=1.0',
    'roma>=1.5',
    'rich',
    'scipy',
    'tensorboard',
]
# mmhuman3d itself is installed with --no-deps (its own list asks for packages that no longer build);
# what it imports is named here.
FRAMEWORK = [
    'mmcv==1.6.0',
    'yapf==0.40.1',
    'torchvision',
    'opencv-python-headless==4.10.0.84',
    'colormap',
    'easydev',
    'cdflib<1',
    'astropy',
    'plyfile',
    'rtree',
    'vedo',
    'trimesh',
    'scikit-image',
    'einops',
    'h5py',
    'joblib',
    'pandas',
    'tqdm',
]
VISUALISATION = ['matplotlib', 'trimesh']
# InstaVariety's file (every other is read with numpy), and images for tools/extract_features.py.
DATA = ['h5py', 'opencv-python-headless==4.10.0.84', 'safetensors']
# People in a clip. BlazePose's weights are two files in mediapipe 0.10.14-0.10.21, installed with --no-deps.
VIDEO = ['ai-edge-litert>=2.0', 'av>=14', 'norfair>=2.3', 'opencv-python-headless==4.10.0.84']
EXPORT = ['pygltflib>=1.16', 'trimesh', 'onnx', 'onnxscript', 'onnxruntime']
DEVELOPMENT = ['pytest', 'pytest-xdist', 'filelock', 'ruff', 'joblib', 'h5py', 'pybvh']
DOCS = ['mkdocs<2', 'mkdocs-material', 'mkdocstrings[python]', 'ruff']  # ruff formats the signatures

setup(
    name='glot_plugin',
    version=version['__version__'],
    description='GLoT (CVPR 2023): SMPL bodies from video, as registered parts for mmengine and mmhuman3d',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    packages=find_packages(include=['glot_plugin', 'glot_plugin.*']),
    # Links to configs/, tools/ and model-index.yml, where OpenMMLab's tools look for them in an installed package.
    package_data={'glot_plugin': ['.mim/**/*.py', '.mim/**/*.yml']},
    install_requires=CORE,
    extras_require={
        'framework': FRAMEWORK,
        'data': DATA,
        'vis': VISUALISATION,
        'video': VIDEO,
        'export': EXPORT,
        'dev': DEVELOPMENT,
        'docs': DOCS,
    },
)
