package Medianest::Handler;

# The engine takes a session that it cannot read for one that does not exist. To the edge these differ: who is signed in
# stays so for a while where nothing can be read, and is not sent to sign in again. Until when is part of the answer.
use strict;
use warnings;
use Mouse;
use Medianest::Database;
use Medianest::Tokens;
extends 'Lemonldap::NG::Handler::Server::Nginx';

sub _run {
    my ( $self, @rest ) = @_;
    my $judge = $self->SUPER::_run(@rest);
    return sub {
        my ($env) = @_;
        return Medianest::Tokens::judge($env) if ( $env->{TOKEN_HASH} // '' ) ne '';
        my $answer = $judge->( {%$env} );
        if ( $answer->[0] == 401 ) {
            return [ 503, [ 'Content-Length' => 0 ], [] ] unless Medianest::Database::answers();

            # The connection may have been replaced since the first look.
            $answer = $judge->($env);
        }
        push @{ $answer->[1] }, 'Remote-Until' => time + $ENV{SIGN_ON_GRACE_SECONDS} if $answer->[0] == 200;
        return $answer;
    };
}

1;
