'use strict'

const js = require('@eslint/js')
const globals = require('globals')

/** Functions in lib/ say what they do: a rule of our own, since ESLint has none for it. */
const requireDocs = {
  meta: { type: 'suggestion', schema: [], messages: { missing: 'This needs a /** comment.' } },
  create(context) {
    const check = (node) => {
      const [comment] = context.sourceCode.getCommentsBefore(node).slice(-1)
      const isDoc = comment !== undefined && comment.type === 'Block' && comment.value[0] === '*'
      if (!isDoc) context.report({ node, messageId: 'missing' })
    }
    return { ClassDeclaration: check, FunctionDeclaration: check, MethodDefinition: check }
  }
}

/** The house style: no semicolons, two spaces, single quotes. */
const style = {
  eqeqeq: 'error',
  indent: ['error', 2, { SwitchCase: 1 }],
  'no-unexpected-multiline': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  quotes: ['error', 'single', { avoidEscape: true, allowTemplateLiterals: true }],
  semi: ['error', 'never'],
  strict: ['error', 'global']
}

module.exports = [
  {
    ignores: ['node_modules/', 'target/', 'binding.js', 'binding.d.ts', '__test__/types/']
  },
  js.configs.recommended,
  {
    files: ['**/*.js'],
    languageOptions: { sourceType: 'commonjs', globals: globals.node },
    rules: style
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { sourceType: 'module', globals: globals.node },
    rules: style
  },
  {
    // What a browser loads.
    files: ['examples/**/public/**/*.js', 'examples/**/public/**/*.mjs'],
    languageOptions: { sourceType: 'module', globals: globals.browser }
  },
  {
    files: ['lib/**/*.js', 'index.js'],
    plugins: { offloop: { rules: { 'require-docs': requireDocs } } },
    rules: {
      'max-len': ['error', { code: 100, ignoreUrls: true }],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', 60],
      'offloop/require-docs': 'error'
    }
  },
  {
    files: ['__test__/**/*.js'],
    languageOptions: { globals: globals.jest },
    rules: { 'max-lines': ['error', 400] }
  },
  {
    // Their functions run partly in the page.
    files: ['__test__/integration/browser/**/*.js', '__test__/frameworks/support/page.js'],
    languageOptions: { globals: globals.browser }
  }
]
