// The makers behind a server that refuses operations with many root fields.
import {GraphQLError} from 'graphql';

export {typeDefs, resolvers} from './makers.mjs';

const most = 5;
export const rules = [
  (context) => ({
    OperationDefinition(node) {
      if (node.selectionSet.selections.length > most) {
        context.reportError(new GraphQLError(`more than ${most} root fields`, {nodes: [node]}));
      }
    },
  }),
];
