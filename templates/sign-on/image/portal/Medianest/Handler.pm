package Medianest::Handler;

# The engine takes a session that it cannot read for one that does not exist. To the edge these differ: who is signed in
# stays so for a while where nothing can be read, and is not sent to sign in again. Until when is part of the answer.
use strict;
use warnings;
use Mouse;
use Medianest::Address;
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
            $answer = $judge->( {%$env} );
        }

        # A refusal says nothing of the session: from where it is used is judged all the same.
        my $session = $answer->[0] == 403 && $ENV{SIGN_ON_ADDRESS} ? $judge->( { %$env, X_ORIGINAL_URI => '/any', REQUEST_URI => '/any' } ) : $answer;
        return $answer if $session->[0] != 200;

        # The engine says each header three times.
        my %told = @{ $session->[1] };
        return [ 401, [ 'Content-Length' => 0 ], [] ] unless Medianest::Address::passes( $env, \%told );
        return $answer if $answer->[0] != 200;
        my @names = grep { /\ARemote-(?!Began\z)/ } sort keys %told;
        my @until = ( 'Remote-Until' => time + $ENV{SIGN_ON_GRACE_SECONDS} );

        # For nginx: to be kept, and out of date from the first second on.
        return [ 200, [ 'Content-Length' => 0, 'X-Accel-Expires' => '@1', ( map { $_ => $told{$_} // '' } @names ), @until ], [] ];
    };
}

1;
